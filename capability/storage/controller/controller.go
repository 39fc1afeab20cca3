// Package controller runs the provisioner of one node.
package controller

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/storage"
	"garboard.dev/garboard/host/disk"
	"garboard.dev/garboard/host/mount"
	"garboard.dev/garboard/loop"
)

// Controllers returns the provisioner.
func Controllers(env loop.Env) []loop.Controller {
	claims := env.Informers.Core().V1().PersistentVolumeClaims()
	volumes := env.Informers.Core().V1().PersistentVolumes()
	classes := env.Informers.Storage().V1().StorageClasses()
	p := &provisioner{
		env: env, mounts: mount.Linux{}, disk: disk.Linux{}, dir: platform.LayoutOf(env.StateDir).VolumeDir(),
		claims: claims.Lister(), volumes: volumes.Lister(), classes: classes.Lister(),
		synced: []cache.InformerSynced{claims.Informer().HasSynced, volumes.Informer().HasSynced, classes.Informer().HasSynced},
		watch:  []cache.SharedIndexInformer{claims.Informer(), volumes.Informer()},
	}
	return []loop.Controller{{Name: "storage", Run: p.run}}
}

type provisioner struct {
	env     loop.Env
	dir     string
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	classes storagelisters.StorageClassLister
	synced  []cache.InformerSynced
	watch   []cache.SharedIndexInformer
	mounts  mount.Table
	disk    disk.Meter
	events  record.EventRecorder
}

// item is a claim, or a volume where namespace is "".
type item = cache.ObjectName

func (p *provisioner) run(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), p.synced...) {
		return ctx.Err()
	}
	if err := p.ensureClasses(ctx); err != nil {
		return err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: p.env.Client.CoreV1().Events("")})
	defer broadcaster.Shutdown()
	p.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: storage.Provisioner})

	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[item](100*time.Millisecond, time.Minute))
	defer queue.ShutDown()
	for _, informer := range p.watch {
		registration, err := informer.AddEventHandler(handler(queue))
		if err != nil {
			return err
		}
		defer func() { _ = informer.RemoveEventHandler(registration) }() // fails only for a handler of another informer
	}
	if err := p.sweep(); err != nil {
		p.env.Log.Warn("clear up what earlier removals left", "error", err)
	}
	var beside sync.WaitGroup
	beside.Go(func() { p.measureAll(ctx) })
	beside.Go(func() {
		<-ctx.Done()
		queue.ShutDown()
	})
	for p.next(ctx, queue) {
	}
	beside.Wait()
	return nil
}

// sweep removes what removals and claims that were cut short have left.
func (p *provisioner) sweep() error {
	known := map[string]bool{}
	claims, err := p.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, c := range claims {
		known[storage.Folder(c)] = true
	}
	volumes, err := p.volumes.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, v := range volumes {
		if storage.Ours(v) {
			known[filepath.Base(v.Spec.Local.Path)] = true
		}
	}
	return storage.Sweep(p.dir, p.mounts, func(folder string) bool { return known[folder] })
}

func handler(queue workqueue.TypedRateLimitingInterface[item]) cache.ResourceEventHandler {
	add := func(object any) {
		if name, err := cache.ObjectToName(object); err == nil {
			queue.Add(name)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, after any) { add(after) }}
}

func (p *provisioner) next(ctx context.Context, queue workqueue.TypedRateLimitingInterface[item]) bool {
	key, shutdown := queue.Get()
	if shutdown {
		return false
	}
	defer queue.Done(key)
	var err error
	if key.Namespace == "" {
		err = p.reclaim(ctx, key.Name)
	} else {
		err = p.provision(ctx, key)
	}
	if err != nil {
		p.env.Log.Warn("storage", "object", key.String(), "error", err)
		queue.AddRateLimited(key)
		return true
	}
	queue.Forget(key)
	return true
}

// ensureClasses makes the classes where they are missing. What an administrator
// has changed in them stays.
func (p *provisioner) ensureClasses(ctx context.Context) error {
	for _, c := range storage.Classes() {
		_, err := p.env.Client.StorageV1().StorageClasses().Create(ctx, c, metav1.CreateOptions{FieldManager: "garboard"})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("make the storage class %s: %w", c.Name, err)
		}
	}
	return nil
}

func (p *provisioner) provision(ctx context.Context, key item) error {
	claim, err := p.claims.PersistentVolumeClaims(key.Namespace).Get(key.Name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || claim.Spec.StorageClassName == nil {
		return err
	}
	class, err := p.classes.Get(*claim.Spec.StorageClassName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	wanted, refused := storage.Wanted(claim, class, p.env.NodeName)
	if refused != "" {
		p.event(claim, corev1.EventTypeWarning, "ProvisioningFailed", refused)
		return nil
	}
	if !wanted {
		return nil
	}
	if space, err := p.disk.At(p.dir); err == nil {
		if warning := storage.Short(claim, space.Free); warning != "" {
			p.event(claim, corev1.EventTypeWarning, "LittleRoom", warning)
		}
	}
	if err := storage.Make(p.dir, storage.Folder(claim)); err != nil {
		p.event(claim, corev1.EventTypeWarning, "ProvisioningFailed", "cannot make the directory: "+err.Error())
		return err
	}
	volume := storage.Volume(claim, class, p.env.NodeName, p.dir)
	_, err = p.env.Client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{FieldManager: "garboard"})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err == nil {
		p.event(claim, corev1.EventTypeNormal, "ProvisioningSucceeded", "made "+volume.Spec.Local.Path)
	}
	return err
}

func (p *provisioner) reclaim(ctx context.Context, name string) error {
	volume, err := p.volumes.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	folder, remove := storage.Reclaim(volume, p.env.NodeName, p.dir)
	if !remove {
		return nil
	}
	if err := storage.Remove(p.dir, folder, p.mounts); err != nil {
		p.event(volume, corev1.EventTypeWarning, "VolumeFailedDelete", "cannot remove the directory: "+err.Error())
		return err
	}
	err = p.env.Client.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &volume.UID}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (p *provisioner) event(object runtime.Object, kind, reason, message string) {
	p.events.Event(object, kind, reason, message)
}

package controller

import (
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"garboard.dev/garboard/capability/storage"
)

const (
	firstMeasure = 20 * time.Second // after the controller's start
	measureEvery = 5 * time.Minute
)

// measureAll writes on each volume what its directory takes, again and again
// until ctx ends. It writes only what has changed: an idle platform writes nothing.
func (p *provisioner) measureAll(ctx context.Context) {
	tick := time.NewTimer(firstMeasure)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		volumes, err := p.volumes.List(labels.Everything())
		if err != nil {
			p.env.Log.Warn("list volumes", "error", err)
		}
		for _, v := range volumes {
			if err := p.measure(ctx, v); err != nil && ctx.Err() == nil {
				p.env.Log.Warn("measure a volume", "volume", v.Name, "error", err)
			}
		}
		tick.Reset(measureEvery)
	}
}

func (p *provisioner) measure(ctx context.Context, v *corev1.PersistentVolume) error {
	folder, ok := storage.FolderOf(v, p.env.NodeName, p.dir)
	if !ok {
		return nil
	}
	used, err := storage.Used(ctx, p.dir, folder)
	if err != nil {
		return err
	}
	value := strconv.FormatInt(used, 10)
	if v.Annotations[storage.AnnotationUsed] == value {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, storage.AnnotationUsed, value)
	_, err = p.env.Client.CoreV1().PersistentVolumes().Patch(ctx, v.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "garboard"})
	if apierrors.IsNotFound(err) {
		return nil // removed meanwhile
	}
	return err
}

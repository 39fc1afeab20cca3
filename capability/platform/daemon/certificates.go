package daemon

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/file"
)

// issue makes every certificate, key and kubeconfig be there and not near its
// end. It returns the names of the certificates that are new.
func (d *daemon) issue() (issued []string, err error) {
	dir := filepath.Join(d.Layout.StateDir, "pki")
	authorities := map[string]*pki.Authority{}
	for _, name := range component.Authorities {
		if authorities[name], err = pki.EnsureAuthority(dir, name, d.Now()); err != nil {
			return nil, fault.Wrap(err, fault.Failed, "read the authority "+name, "bring the file back from a copy: without it nothing that trusts it can go on. garboard reset gives all up and begins anew")
		}
	}
	for _, c := range component.Certificates(d.input) {
		fresh, err := authorities[c.Authority].Ensure(dir, c.Spec, d.Now())
		if err != nil {
			return issued, err
		}
		if fresh {
			issued = append(issued, c.Name)
		}
	}
	if err := pki.EnsureKey(filepath.Join(dir, "service-account.key")); err != nil {
		return issued, err
	}
	if err := ensureEncryptionKey(d.input.EncryptionConfig()); err != nil {
		return issued, err
	}
	return issued, d.writeKubeconfigs(dir)
}

func (d *daemon) writeKubeconfigs(dir string) error {
	encoded := func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		return base64.StdEncoding.EncodeToString(text), err
	}
	ca, err := encoded("ca.crt")
	if err != nil {
		return err
	}
	for path, name := range component.Kubeconfigs(d.input) {
		cert, err := encoded(name + ".crt")
		if err != nil {
			return err
		}
		key, err := encoded(name + ".key")
		if err != nil {
			return err
		}
		text := component.Kubeconfig(d.input, name, ca, cert, key)
		if old, err := os.ReadFile(path); err == nil && string(old) == text {
			continue
		}
		if err := file.Write(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// ensureEncryptionKey makes the key that secrets are encrypted with, once. A
// key that is lost cannot be made again: what it encrypted is lost with it.
func ensureEncryptionKey(path string) error {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	return file.Write(path, []byte(component.EncryptionText(base64.StdEncoding.EncodeToString(key))), 0o600)
}

// watchCertificates issues again what is near its end and restarts who uses it.
func (d *daemon) watchCertificates(ctx context.Context) {
	tick := time.NewTicker(certificateTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.renew(ctx)
		}
	}
}

func (d *daemon) renew(ctx context.Context) {
	issued, err := d.issue()
	if err != nil {
		d.Log.Error("cannot renew certificates", "error", err)
	}
	if len(issued) == 0 {
		return
	}
	d.network.Forget()
	for _, c := range component.Table(d.input) {
		uses := slices.ContainsFunc(c.Certs, func(name string) bool { return slices.Contains(issued, name) })
		if !uses {
			continue
		}
		d.Log.Info("restarting for a renewed certificate", "component", c.Name)
		limit, cancel := context.WithTimeout(ctx, c.Starts+c.Stops)
		if err := d.sup.Restart(limit, c.Name, "its certificate was renewed"); err != nil {
			d.Log.Error("restart for a renewed certificate", "component", c.Name, "error", err)
		}
		cancel()
	}
}

// certificates lists each certificate's end; one that cannot be read has none.
func (d *daemon) certificates() []control.Certificate {
	var out []control.Certificate
	names := slices.Clone(component.Authorities)
	for _, c := range component.Certificates(d.input) {
		names = append(names, c.Name)
	}
	for _, name := range names {
		ends, err := pki.Ends(filepath.Join(d.Layout.StateDir, "pki", name+".crt"))
		if err == nil {
			out = append(out, control.Certificate{Name: name, Expires: ends})
		}
	}
	return out
}

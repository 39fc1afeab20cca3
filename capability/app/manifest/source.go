package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// endings are the names that a folder's manifests have.
var endings = []string{".yaml", ".yml", ".json"}

var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// ReadPath reads a file, a folder or a kustomization. Of a folder it reads
// every *.yaml, *.yml and *.json that stands directly in it, by name, and with
// recursive those of the folders below, except in hidden ones and those that
// hold a Dockerfile.
func ReadPath(path string, recursive bool) ([]Object, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return readFile(path)
	}
	if file := Kustomization(path); file != "" {
		return readKustomization(path, file)
	}
	files, err := manifestsIn(path, recursive)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, &Error{File: path, Reason: "this folder holds no *.yaml, *.yml or *.json and no kustomization"}
	}
	var out []Object
	for _, file := range files {
		objs, err := readFile(file)
		if err != nil {
			return nil, err
		}
		out = append(out, objs...)
	}
	return out, nil
}

func readFile(path string) ([]Object, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxSize {
		return nil, &Error{File: path, Reason: fmt.Sprintf("%d bytes are more than the %d that a manifest may have", info.Size(), MaxSize)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Read(path, data)
}

func manifestsIn(dir string, recursive bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path) // follows links, as ConfigMap volumes have them
		if err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case info.IsDir():
			if !recursive || exists(filepath.Join(path, "Dockerfile")) {
				continue
			}
			below, err := manifestsIn(path, true)
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
		case slices.Contains(endings, filepath.Ext(entry.Name())):
			out = append(out, path)
		}
	}
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Kustomization is the path of dir's kustomization file; "" where it has none.
func Kustomization(dir string) string {
	for _, name := range kustomizations {
		if path := filepath.Join(dir, name); exists(path) {
			return path
		}
	}
	return ""
}

// readKustomization builds a kustomization with kustomize's own library,
// without plugins and without reading above dir. The lines of its objects are
// not known: what it gives stands in no file.
func readKustomization(dir, file string) ([]Object, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, &Error{File: file, Reason: strings.Join(strings.Fields(err.Error()), " ")}
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, &Error{File: file, Reason: err.Error()}
	}
	objs, err := Read(file, text)
	var malformed *Error
	if errors.As(err, &malformed) {
		malformed.Line = 0
	}
	if err != nil {
		return nil, err
	}
	for i := range objs {
		objs[i].tree = nil
	}
	return objs, nil
}

package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"garboard.dev/garboard/capability/app/manifest"
)

// Image is an image that a set builds itself, because its Dockerfile stands in
// the set's folder.
type Image struct {
	Name    string // as manifests name it
	Context string // the folder with its Dockerfile
	Ref     string // what manifests are made to say: Name:hash of all that goes into it
}

// buildPrefix marks a reference that must be built: build:NAME.
const buildPrefix = "build:"

var (
	imageName = regexp.MustCompile(`^[a-z0-9]+(?:[._-][a-z0-9]+)*$`)
	fromLine  = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)`)
)

// FindImages finds the images whose Dockerfiles stand in dir:
// dir/images/NAME/Dockerfile, dir/NAME/Dockerfile, and dir/Dockerfile, whose
// image has the name of dir. base tells what content a base image has now, as
// its digest, so that a new base makes a new image; it returns "" for one that
// is not here.
func FindImages(dir string, base func(ref string) string) ([]Image, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, pattern := range []string{"Dockerfile", "*/Dockerfile", "images/*/Dockerfile"} {
		matches, err := filepath.Glob(filepath.Join(escapeGlob(full), pattern))
		if err != nil {
			return nil, err
		}
		found = append(found, matches...)
	}
	var out []Image
	for _, file := range found {
		context := filepath.Dir(file)
		name := strings.ToLower(filepath.Base(context))
		if !imageName.MatchString(name) {
			return nil, fmt.Errorf("%s: the folder's name is the image's, and %q can be none: letters, digits, dots and dashes only", file, filepath.Base(context))
		}
		if i := slices.IndexFunc(out, func(other Image) bool { return other.Name == name }); i >= 0 {
			return nil, fmt.Errorf("%s and %s would both be the image %s", filepath.Join(out[i].Context, "Dockerfile"), file, name)
		}
		hash, err := contentHash(context, base)
		if err != nil {
			return nil, err
		}
		out = append(out, Image{Name: name, Context: context, Ref: name + ":" + hash})
	}
	return out, nil
}

// escapeGlob quotes what filepath.Glob would take for a pattern.
func escapeGlob(path string) string {
	return regexp.MustCompile(`[\\*?\[]`).ReplaceAllString(path, `\$0`)
}

// contentHash is over every file of the context that .dockerignore leaves, and
// over the base images' content: 12 hexadecimal digits.
func contentHash(context string, base func(string) string) (string, error) {
	ignored, err := ignoredBy(context)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = filepath.WalkDir(context, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(context, path)
		if err != nil {
			return err
		}
		if name == "." || entry.IsDir() {
			return nil
		}
		skip, err := ignored.MatchesOrParentMatches(name)
		if err != nil || skip && name != "Dockerfile" {
			return err
		}
		return hashFile(sum, path, name, entry)
	})
	if err != nil {
		return "", fmt.Errorf("read what image %s is built from: %w", filepath.Base(context), err)
	}
	dockerfile, err := os.ReadFile(filepath.Join(context, "Dockerfile"))
	if err != nil {
		return "", err
	}
	for _, from := range fromLine.FindAllSubmatch(dockerfile, -1) {
		fmt.Fprintf(sum, "base %s %s\n", from[1], base(string(from[1])))
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

func ignoredBy(context string) (*patternmatcher.PatternMatcher, error) {
	f, err := os.Open(filepath.Join(context, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return matcher, nil
}

// hashFile adds a file's name, whether it can be executed, and its content.
func hashFile(sum io.Writer, path, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		fmt.Fprintf(sum, "link %q %q\n", name, target)
		return err
	case !info.Mode().IsRegular():
		return nil // sockets and the like go into no image
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintf(sum, "file %q %v %d\n", name, info.Mode()&0o111 != 0, info.Size())
	_, err = io.Copy(sum, f)
	return err
}

// UseImages makes the containers of objs use the built images: one whose image
// is NAME or build:NAME, without registry, tag and digest, gets the reference
// that is built. It returns the images that are used, each once. A build:NAME
// without its Dockerfile is a *manifest.Error.
func UseImages(objs []manifest.Object, images []Image) ([]Image, error) {
	var used []Image
	for _, obj := range objs {
		err := eachContainer(obj.Object, "", func(container map[string]any, path string) error {
			wanted, _ := container["image"].(string)
			name, explicit := strings.CutPrefix(wanted, buildPrefix)
			i := slices.IndexFunc(images, func(image Image) bool { return image.Name == name })
			switch {
			case i >= 0:
				container["image"] = images[i].Ref
				if !slices.Contains(used, images[i]) {
					used = append(used, images[i])
				}
			case explicit:
				return obj.At(path+".image", fmt.Sprintf("no Dockerfile builds %q: it would stand in images/%s/Dockerfile beside the manifests", name, name))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return used, nil
}

// eachContainer visits every container of whatever holds a pod's template.
func eachContainer(fields map[string]any, path string, visit func(container map[string]any, path string) error) error {
	for name, value := range fields {
		at := path + "." + name
		switch value := value.(type) {
		case map[string]any:
			if err := eachContainer(value, at, visit); err != nil {
				return err
			}
		case []any:
			if name != "containers" && name != "initContainers" {
				continue
			}
			for i, entry := range value {
				container, isMap := entry.(map[string]any)
				if !isMap {
					continue
				}
				if err := visit(container, fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

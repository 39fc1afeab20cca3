package files

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"

	"garboard.dev/garboard/capability/play/value"
)

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// multipartBody writes a dictionary of fields as multipart/form-data. A field
// is text, or a dictionary of filename, content and mime_type.
func multipartBody(body any) (kind, text string, err error) {
	fields, isDict := body.(map[string]any)
	if !isDict {
		return "", "", errors.New("Mapping is required, cannot be type " + value.TypeName(value.FromGo(body)))
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range sortedKeys(fields) {
		if err := writeField(w, name, fields[name]); err != nil {
			return "", "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", "", err
	}
	return w.FormDataContentType(), out.String(), nil
}

func writeField(w *multipart.Writer, name string, field any) error {
	if text, isText := field.(string); isText {
		return w.WriteField(name, text)
	}
	parts, isDict := field.(map[string]any)
	if !isDict {
		return errors.New("value must be a string, or mapping, cannot be type " + value.TypeName(value.FromGo(field)))
	}
	filename, _ := parts["filename"].(string)
	content, given := parts["content"].(string)
	if filename == "" && !given {
		return errors.New("at least one of filename or content must be provided")
	}
	data := []byte(content)
	if !given {
		var err error
		if data, err = os.ReadFile(filename); err != nil {
			return err
		}
	}
	kind, _ := parts["mime_type"].(string)
	if kind == "" {
		kind = mime.TypeByExtension(filepath.Ext(filename))
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	header := textproto.MIMEHeader{"Content-Type": {kind}}
	disposition := fmt.Sprintf(`form-data; name="%s"`, name)
	if filename != "" {
		disposition += fmt.Sprintf(`; filename="%s"`, filepath.Base(filename))
	}
	header.Set("Content-Disposition", disposition)
	if encoding, _ := parts["multipart_encoding"].(string); encoding == "base64" || filename != "" && !given {
		header.Set("Content-Transfer-Encoding", "base64")
		data = []byte(base64.StdEncoding.EncodeToString(data))
	}
	part, err := w.CreatePart(header)
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	return err
}

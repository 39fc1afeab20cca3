package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func tarOf(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range members {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len("content"))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, "content")
		}
	}
	w.Close()
	return out.Bytes()
}

func readAll(text []byte) ([]byte, error) {
	r, err := Reader(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestReaderDecompresses(t *testing.T) {
	t.Parallel()
	plain := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "index.json", Mode: 0o644})
	var zipped bytes.Buffer
	g := gzip.NewWriter(&zipped)
	g.Write(plain)
	g.Close()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plain": plain, "gzip": zipped.Bytes(), "zstd": z.EncodeAll(plain, nil)} {
		got, err := readAll(text)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]tar.Header{
		"leads out":        {Typeflag: tar.TypeReg, Name: "../etc/passwd"},
		"leads out again":  {Typeflag: tar.TypeReg, Name: "a/../../b"},
		"absolute":         {Typeflag: tar.TypeReg, Name: "/etc/passwd"},
		"link leads out":   {Typeflag: tar.TypeSymlink, Name: "a/layer.tar", Linkname: "../../b"},
		"link is absolute": {Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc/passwd"},
		"device":           {Typeflag: tar.TypeBlock, Name: "sda"},
	} {
		if _, err := readAll(tarOf(t, h)); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
	for name, text := range map[string]string{"empty": "", "no tar": strings.Repeat("no tar ", 200), "no files": strings.Repeat("\x00", 1024)} {
		if _, err := readAll([]byte(text)); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
	if err := checkMember(&tar.Header{Typeflag: tar.TypeReg, Name: "index.json", Size: largestJSON + 1}); err == nil {
		t.Error("an index that fills the memory was accepted")
	}
	if _, err := readAll(tarOf(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "b/layer.tar", Linkname: "../a/layer.tar"})); err != nil {
		t.Errorf("a link as docker save makes them: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(tarOf(f, tar.Header{Typeflag: tar.TypeReg, Name: "index.json"}))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		out, err := readAll(text)
		if err != nil {
			return
		}
		for r := tar.NewReader(bytes.NewReader(out)); ; {
			h, err := r.Next()
			if err == io.EOF {
				return
			}
			if err != nil || !inside(h.Name) {
				t.Fatalf("%v, %v came through", h, err)
			}
		}
	})
}

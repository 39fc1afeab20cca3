package console

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// dist is the front end as npm builds it; without npm it holds nothing but .keep.
//
//go:embed all:front/dist
var dist embed.FS

func built() fs.FS {
	sub, err := fs.Sub(dist, "front/dist")
	if err != nil {
		panic(err) // the path is a constant
	}
	return sub
}

// assets serves the page application: its files by name, and its one page for
// every address that the front end knows by itself.
type assets struct{ files fs.FS }

func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" || path.Ext(name) == "" {
		a.page(w, r)
		return
	}
	if info, err := fs.Stat(a.files, name); err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(name, "assets/") { // named by their content
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, a.files, name)
}

func (a assets) page(w http.ResponseWriter, r *http.Request) {
	text, err := fs.ReadFile(a.files, "index.html")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusNotImplemented)
		text = []byte(unbuilt)
	}
	if r.Method == http.MethodGet {
		w.Write(text) // fails only where the browser has gone
	}
}

// unbuilt is shown by a binary that was built without npm. The policy forbids
// inline style, so it has none.
const unbuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Garboard</title>
<h1>This garboard was built without its console</h1>
<p>npm was not there when the program was built. Everything else works: <code>garboard status</code> and
<code>garboard get pods -A</code> show what this page would.</p>
<p>To have the console, install Debian's packages nodejs and npm, then build again:</p>
<pre>apt-get install nodejs npm
make build
garboard up</pre>
</html>
`

package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/value"
)

func uriModule() *module.Module {
	options := append(urlOptions(),
		module.Option{Name: "method", Default: "GET", Help: "The HTTP method."},
		module.Option{Name: "body", Type: module.Raw, Help: "What to send: text, or data that body_format turns into text."},
		module.Option{Name: "body_format", Default: "raw", Choices: choices("form-urlencoded", "json", "raw", "form-multipart"), Help: "How to send it."},
		module.Option{Name: "src", Type: module.Path, Help: "A file whose content to send."},
		module.Option{Name: "dest", Type: module.Path, Help: "The file to write the answer to."},
		module.Option{Name: "return_content", Type: module.Bool, Default: false, Help: "Tell the answer's content."},
		module.Option{Name: "status_code", Type: module.List, Elements: module.Int, Default: []any{int64(200)}, Help: "The answers that are no failure."},
		module.Option{Name: "follow_redirects", Default: "safe", Choices: choices("all", "no", "none", "safe", "urllib2", "yes"), Help: "Whether to follow redirections; safe does for GET and HEAD."},
		module.Option{Name: "creates", Type: module.Path, Help: "Do nothing where this path exists."},
		module.Option{Name: "removes", Type: module.Path, Help: "Do nothing where this path does not exist."},
		module.Option{Name: "timeout", Type: module.Int, Default: int64(30), Help: "Seconds to wait for the server."},
		module.Option{Name: "unix_socket", Type: module.Path, Help: "The socket of the server."},
		module.Option{Name: "ca_path", Type: module.Path, Help: "A PEM file with the authorities to trust."},
		module.Option{Name: "remote_src", Type: module.Bool, Default: false, Help: "src is on the machine itself."})
	for i, o := range options {
		switch o.Name {
		case "url_username":
			options[i].Aliases = []string{"user"}
		case "url_password":
			options[i].Aliases = []string{"password"}
		}
	}
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.uri", Summary: "Talks to a web server", Files: true, Options: options,
		Rules: module.Rules{Exclusive: [][]string{{"body", "src"}}},
		Returns: []module.Return{{Name: "status", Type: "int", Help: "The server's answer."}, {Name: "content", Type: "str", Help: "The answer's content."},
			{Name: "json", Type: "raw", Help: "The content, where it is JSON."}, {Name: "redirected", Type: "bool", Help: "The answer came from another address."}},
	}, Run: runURI}
}

// uriTask is one run of uri.
type uriTask struct {
	c       *module.Call
	f       *fetch
	dest    string
	content []byte
	read    bool // content was read
	result  module.Result
}

var oneWord = regexp.MustCompile(`^[A-Z]+$`)

func runURI(ctx context.Context, c *module.Call) (module.Result, error) {
	method := strings.ToUpper(c.Args.String("method"))
	if !oneWord.MatchString(method) {
		return nil, fail("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")
	}
	t := &uriTask{c: c, f: newFetch(c, method, c.Args.String("url")), dest: c.Args.String("dest")}
	t.f.redirect = map[string]string{"yes": "all", "no": "none"}[c.Args.String("follow_redirects")]
	if t.f.redirect == "" {
		t.f.redirect = c.Args.String("follow_redirects")
	}
	if err := t.encodeBody(); err != nil {
		return nil, err
	}
	if path := c.Args.String("creates"); path != "" {
		if _, err := os.Stat(path); err == nil {
			return module.Result{"stdout": fmt.Sprintf("skipped, since '%s' exists", path), "changed": false}, nil
		}
	}
	if path := c.Args.String("removes"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return module.Result{"stdout": fmt.Sprintf("skipped, since '%s' does not exist", path), "changed": false}, nil
		}
	}
	return t.run(ctx)
}

func (t *uriTask) hasHeader(name string) bool {
	for k := range t.f.headers {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

// encodeBody makes the body of the options body, body_format and src.
func (t *uriTask) encodeBody() error {
	if src := t.c.Args.String("src"); src != "" || t.c.Machine.Upload != nil && !t.c.Args.Has("body") {
		return t.readSource(src)
	}
	body := t.c.Args["body"]
	if body == nil {
		return nil
	}
	text, isText := body.(string)
	kind := ""
	var err error
	switch t.c.Args.String("body_format") {
	case "json":
		kind = "application/json"
		if !isText {
			var data []byte
			data, err = value.JSON(value.FromGo(body), value.JSONOptions{ASCII: true})
			text = string(data)
		}
	case "form-urlencoded":
		kind = "application/x-www-form-urlencoded"
		if !isText {
			if text, err = formEncoded(body); err != nil {
				err = fail("failed to parse body as form_urlencoded: "+err.Error(), "elapsed", int64(0))
			}
		}
	case "form-multipart":
		kind, text, err = multipartBody(body)
		if err != nil {
			err = fail("failed to parse body as form-multipart: " + err.Error())
		}
		t.f.headers["Content-Type"] = kind
	default:
		if !isText {
			text = value.Str(value.FromGo(body))
		}
	}
	if kind != "" && !t.hasHeader("content-type") {
		t.f.headers["Content-Type"] = kind
	}
	t.f.body = []byte(text)
	return err
}

func (t *uriTask) readSource(src string) error {
	var err error
	if upload := t.c.Machine.Upload; upload != nil && !t.c.Args.Bool("remote_src") {
		t.f.body, err = io.ReadAll(upload)
	} else {
		t.f.body, err = os.ReadFile(src)
	}
	if err != nil {
		return fail("Unable to open source file "+src, "elapsed", int64(0))
	}
	return nil
}

// formEncoded writes a dictionary, or a list of pairs, as a web form.
func formEncoded(body any) (string, error) {
	var parts []string
	add := func(k, v any) {
		values, many := v.([]any)
		if !many {
			values = []any{v}
		}
		for _, one := range values {
			parts = append(parts, url.QueryEscape(value.Str(value.FromGo(k)))+"="+url.QueryEscape(value.Str(value.FromGo(one))))
		}
	}
	switch b := body.(type) {
	case map[string]any:
		for _, k := range sortedKeys(b) {
			add(k, b[k])
		}
	case []any:
		for _, entry := range b {
			pair, isPair := entry.([]any)
			if !isPair || len(pair) != 2 {
				return "", errors.New("not a valid non-string sequence or mapping object")
			}
			add(pair[0], pair[1])
		}
	default:
		return "", errors.New("not a valid non-string sequence or mapping object")
	}
	return strings.Join(parts, "&"), nil
}

func (t *uriTask) run(ctx context.Context) (module.Result, error) {
	start := t.c.Machine.Now()
	a, err := t.f.do(ctx)
	if err != nil {
		return nil, err
	}
	err = t.takeContent(a)
	if err = errors.Join(err, a.close()); err != nil {
		return nil, err
	}
	t.result = module.Result{"redirected": a.url != t.f.url, "changed": false, "elapsed": int64(t.c.Machine.Now().Sub(start).Seconds())}
	for key, v := range a.info {
		t.result[strings.ToLower(strings.ReplaceAll(key, "-", "_"))] = v
	}
	if a.status >= http.StatusMultipleChoices && !t.read {
		t.result["body"] = string(t.content)
	}
	if to, moved := t.result["location"].(string); moved {
		t.result["location"] = absolute(t.f.url, to)
	}
	if err := t.store(ctx, a); err != nil {
		return nil, err
	}
	if t.read && maybeJSON(a.header) {
		if v, err := value.FromJSON(t.content); err == nil {
			t.result["json"] = value.ToGo(v)
		}
	}
	return t.judge(a)
}

// takeContent reads the answer where it is to be shown, understood or written.
func (t *uriTask) takeContent(a *answer) error {
	if a.body == nil {
		return nil
	}
	data, err := io.ReadAll(a.body)
	if err != nil {
		return fail("cannot read the answer: " + err.Error())
	}
	t.content = data
	t.read = maybeJSON(a.header) || t.c.Args.Bool("return_content") || !t.accepts(a.status)
	return nil
}

func (t *uriTask) accepts(status int) bool {
	for _, v := range t.c.Args.List("status_code") {
		if v == int64(status) {
			return true
		}
	}
	return false
}

func maybeJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return false
	}
	_, sub, _ := strings.Cut(kind, "/")
	if _, suffix, found := strings.Cut(sub, "+"); found {
		sub = suffix
	}
	return sub == "json" || sub == "javascript"
}

// absolute is an address that a server gives relative to its own.
func absolute(base, to string) string {
	b, err := url.Parse(base)
	if err != nil {
		return to
	}
	u, err := b.Parse(to)
	if err != nil {
		return to
	}
	return u.String()
}

// store writes the answer to dest.
func (t *uriTask) store(ctx context.Context, a *answer) error {
	if t.dest == "" || a.body == nil {
		return nil
	}
	if info, err := os.Stat(t.dest); err == nil && info.IsDir() {
		name := offeredName(a.header)
		if name == "" {
			name = urlFilename(a.url)
		}
		t.dest = joinRaw(t.dest, name)
	}
	t.result["path"] = t.dest
	if !t.accepts(a.status) || a.status == http.StatusNotModified {
		return nil
	}
	old, err := os.ReadFile(t.dest)
	if err != nil || !bytes.Equal(old, t.content) {
		if err := attribute.Write(t.c, t.dest, bytes.NewReader(t.content)); err != nil {
			return err
		}
	}
	t.result["changed"] = true
	_, err = attribute.Of(t.c, t.dest).Apply(ctx, t.c, nil)
	return err
}

// judge fails where the status is none of those that the task expects.
func (t *uriTask) judge(a *answer) (module.Result, error) {
	if t.c.Args.Bool("return_content") {
		t.result["content"] = nil
		if t.read {
			t.result["content"] = strings.ToValidUTF8(string(t.content), "\uFFFD")
		} else if a.body == nil {
			t.result["content"] = ""
		}
	}
	if t.accepts(a.status) {
		return t.result, nil
	}
	expected, err := json.Marshal(t.c.Args["status_code"])
	if err != nil {
		return nil, err
	}
	message := fmt.Sprintf("Status code was %d and not %s: %s", a.status, strings.ReplaceAll(string(expected), ",", ", "), a.message)
	delete(t.result, "msg")
	return nil, &module.Failure{Message: message, Result: t.result}
}

package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

// fetch is one request over the network, of get_url, uri or unarchive, with
// the options that they share.
type fetch struct {
	c        *module.Call
	method   string
	url      string
	body     []byte
	headers  map[string]string
	since    time.Time // for If-Modified-Since; zero for none
	force    bool      // go past caches
	redirect string    // whether to follow: all, safe, none, urllib2
}

// answer is what came back. Where nothing came, status is -1 and message says why.
type answer struct {
	status  int
	url     string // after redirects
	message string
	info    module.Result // headers in lower case, cookies, url, status and msg
	header  http.Header
	body    io.ReadCloser
	size    int64
}

// urlOptions are the options that all modules have which fetch from the network.
func urlOptions() []module.Option {
	return []module.Option{
		{Name: "url", Required: true, Help: "The address: http, https or file."},
		{Name: "force", Type: module.Bool, Default: false, Help: "Fetch again what is there, past caches."},
		{Name: "http_agent", Default: "ansible-httpget", Help: "The header User-Agent."},
		{Name: "use_proxy", Type: module.Bool, Default: true, Help: "Heed http_proxy, https_proxy and no_proxy of the environment."},
		{Name: "validate_certs", Type: module.Bool, Default: true, Help: "Check the server's certificate."},
		{Name: "url_username", Help: "The user for basic authentication."},
		{Name: "url_password", NoLog: true, Help: "The password for basic authentication."},
		{Name: "force_basic_auth", Type: module.Bool, Default: false, Help: "Send the password at once, not only when the server asks."},
		{Name: "client_cert", Type: module.Path, Help: "A PEM file with a client certificate, maybe with its key."},
		{Name: "client_key", Type: module.Path, Help: "A PEM file with the certificate's key."},
		{Name: "headers", Type: module.Dict, Help: "More headers."},
		{Name: "unredirected_headers", Type: module.List, Elements: module.Str, Default: []any{}, Help: "Headers that are not sent again after a redirection."},
		{Name: "use_gssapi", Type: module.Bool, Default: false, Help: "Kerberos; not supported."},
		{Name: "use_netrc", Type: module.Bool, Default: true, Help: "Look for a password in ~/.netrc."},
		{Name: "decompress", Type: module.Bool, Default: true, Help: "Decompress what comes gzipped."},
		{Name: "ciphers", Type: module.List, Elements: module.Str, Help: "TLS cipher suites to offer."},
	}
}

// newFetch takes the headers of the task.
func newFetch(c *module.Call, method, address string) *fetch {
	f := &fetch{c: c, method: method, url: address, headers: map[string]string{}, force: c.Args.Bool("force"), redirect: "urllib2"}
	for name, v := range c.Args.Dict("headers") {
		f.headers[name] = fmt.Sprint(v)
	}
	return f
}

// do sends the request. The body of the answer must be closed.
func (f *fetch) do(ctx context.Context) (*answer, error) {
	if f.c.Args.Bool("use_gssapi") {
		return nil, fail("use_gssapi is not supported: use url_username and url_password")
	}
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	req, err := f.request(ctx)
	if err != nil {
		return f.failed("Request failed: <urlopen error " + err.Error() + ">"), nil
	}
	user, password, known := f.credentials(req.URL)
	req.URL.User = nil
	if known && f.c.Args.Bool("force_basic_auth") {
		req.SetBasicAuth(user, password)
	}
	resp, err := client.Do(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && known && req.Header.Get("Authorization") == "" {
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
		req.SetBasicAuth(user, password)
		req.Body = io.NopCloser(bytes.NewReader(f.body))
		resp, err = client.Do(req)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return f.failed(networkTrouble(err)), nil
	}
	return f.answer(resp)
}

func (f *fetch) failed(message string) *answer {
	return &answer{status: -1, url: f.url, message: message, info: module.Result{"url": f.url, "status": int64(-1), "msg": message}}
}

func (f *fetch) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, f.method, f.url, bytes.NewReader(f.body))
	if err != nil {
		return nil, err
	}
	if f.body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("User-Agent", f.c.Args.String("http_agent"))
	req.Header.Set("Accept-Encoding", "identity")
	switch {
	case f.force:
		req.Header.Set("Cache-Control", "no-cache")
	case !f.since.IsZero():
		req.Header.Set("If-Modified-Since", f.since.UTC().Format(http.TimeFormat))
	}
	if f.body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, v := range f.headers {
		if strings.EqualFold(name, "host") {
			req.Host = v
		}
		req.Header.Set(name, v)
	}
	return req, nil
}

// client has the task's way of reaching servers.
func (f *fetch) client() (*http.Client, error) {
	security, err := tlsConfig(f.c)
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(f.c.Args.Int("timeout")) * time.Second
	dialer := &net.Dialer{Timeout: timeout}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: security, TLSHandshakeTimeout: timeout,
		ResponseHeaderTimeout: timeout, DisableCompression: true, DisableKeepAlives: true,
	}
	if socket := f.c.Args.String("unix_socket"); socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
	}
	if f.c.Args.Bool("use_proxy") && f.c.Machine.Getenv != nil {
		transport.Proxy = proxies(f.c.Machine.Getenv)
	}
	transport.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, Jar: jar, CheckRedirect: f.checkRedirect}, nil
}

// checkRedirect says whether to follow. Where not, the redirection itself is the answer.
func (f *fetch) checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > 10 {
		return value.Errorf("The HTTP server returned a redirect error that would lead to an infinite loop")
	}
	plain := f.method == http.MethodGet || f.method == http.MethodHead
	follow := true
	switch f.redirect {
	case "none", "no":
		follow = false
	case "safe":
		follow = plain
	case "urllib2":
		follow = plain || f.method == http.MethodPost
	}
	if !follow {
		return http.ErrUseLastResponse
	}
	for _, name := range f.c.Args.Strings("unredirected_headers") {
		next.Header.Del(name)
	}
	return nil
}

func (f *fetch) answer(resp *http.Response) (*answer, error) {
	a := &answer{status: resp.StatusCode, url: resp.Request.URL.String(), header: resp.Header, body: resp.Body, size: resp.ContentLength}
	a.info = module.Result{}
	for name, values := range resp.Header {
		a.info[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	if resp.Close {
		a.info["connection"] = "close" // the client takes it out of the headers
	}
	if resp.StatusCode >= 300 {
		a.url = f.url
		a.message = fmt.Sprintf("HTTP Error %d: %s", resp.StatusCode, strings.TrimSpace(strings.TrimPrefix(resp.Status, fmt.Sprint(resp.StatusCode))))
	} else {
		length := resp.Header.Get("Content-Length")
		if length == "" {
			length = "unknown"
		}
		a.message = "OK (" + length + " bytes)"
		a.addCookies(resp)
	}
	a.info["url"], a.info["status"], a.info["msg"] = a.url, int64(a.status), a.message
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") && f.c.Args.Bool("decompress") && f.method != http.MethodHead {
		unpacked, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, errors.Join(fail("cannot decompress the answer: "+err.Error()), resp.Body.Close())
		}
		a.body = struct {
			io.Reader
			io.Closer
		}{unpacked, resp.Body}
	}
	return a, nil
}

// addCookies collects the cookies of the answer and of the redirections before it.
func (a *answer) addCookies(resp *http.Response) {
	cookies := map[string]any{}
	var texts []string
	for r := resp; r != nil; r = r.Request.Response {
		for _, cookie := range r.Cookies() {
			if _, later := cookies[cookie.Name]; !later {
				cookies[cookie.Name] = cookie.Value
				texts = append(texts, cookie.Name+"="+cookie.Value)
			}
		}
	}
	a.info["cookies"], a.info["cookies_string"] = cookies, strings.Join(texts, "; ")
}

// networkTrouble words what kept a request from being answered.
func networkTrouble(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var number syscall.Errno
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &name):
		return "Request failed: <urlopen error [Errno -2] Name or service not known>"
	case errors.As(err, &number):
		return "Request failed: <urlopen error " + attribute.Reason(number, false) + ">"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "Request failed: <urlopen error timed out>"
	}
	return "Request failed: <urlopen error " + err.Error() + ">"
}

// download fetches a URL to a file in the call's own folder.
func download(ctx context.Context, c *module.Call, address string) (string, error) {
	f := newFetch(c, http.MethodGet, address)
	a, err := f.do(ctx)
	if err != nil {
		return "", err
	}
	if a.body == nil || a.status != http.StatusOK {
		return "", errors.Join(fail(fmt.Sprintf("Failure downloading %s, %s", address, a.message)), a.close())
	}
	path, err := receive(c, a.body)
	return path, errors.Join(err, a.close())
}

func (a *answer) close() error {
	if a.body == nil {
		return nil
	}
	return a.body.Close()
}

// credentials are the task's, the URL's, or those in ~/.netrc.
func (f *fetch) credentials(u *url.URL) (user, password string, known bool) {
	if user = f.c.Args.String("url_username"); user != "" {
		return user, f.c.Args.String("url_password"), true
	}
	if u.User != nil {
		password, _ = u.User.Password()
		return u.User.Username(), password, true
	}
	if !f.c.Args.Bool("use_netrc") || f.c.Machine.Getenv == nil {
		return "", "", false
	}
	path := f.c.Machine.Getenv("NETRC")
	if path == "" {
		path = f.c.Machine.Getenv("HOME") + "/.netrc"
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "", false
	}
	return netrc(string(data), u.Hostname())
}

// netrc looks a machine up in the text of a .netrc.
func netrc(text, host string) (user, password string, known bool) {
	words := strings.Fields(text)
	here := false
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine":
			if known {
				return user, password, true
			}
			here = value == host
			i++
		case "default":
			if known {
				return user, password, true
			}
			here = true
		case "login", "password", "account":
			if here && words[i] == "login" {
				user, known = value, true
			}
			if here && words[i] == "password" {
				password = value
			}
			i++
		}
	}
	return user, password, known
}

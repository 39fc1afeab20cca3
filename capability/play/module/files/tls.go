package files

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/net/http/httpproxy"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

// tlsConfig is how the task wants to speak TLS.
func tlsConfig(c *module.Call) (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: !c.Args.Bool("validate_certs")}
	if path := c.Args.String("ca_path"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fail(attribute.Reason(err, false))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fail(path + " has no certificates")
		}
	}
	if cert := c.Args.String("client_cert"); cert != "" {
		key := c.Args.String("client_key")
		if key == "" {
			key = cert
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fail(err.Error())
		}
		config.Certificates = []tls.Certificate{pair}
	}
	suites := map[string]uint16{}
	for _, s := range tls.CipherSuites() {
		suites[s.Name] = s.ID
	}
	for _, name := range c.Args.Strings("ciphers") {
		id, known := suites[name]
		if !known {
			c.Warn("the cipher suite %s is not known by that name and is not offered", name)
			continue
		}
		config.CipherSuites = append(config.CipherSuites, id)
	}
	return config, nil
}

// proxies finds a request's proxy by the environment of the task.
func proxies(getenv func(string) string) func(*http.Request) (*url.URL, error) {
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	find := (&httpproxy.Config{
		HTTPProxy: first("http_proxy", "HTTP_PROXY"), HTTPSProxy: first("https_proxy", "HTTPS_PROXY"), NoProxy: first("no_proxy", "NO_PROXY"),
	}).ProxyFunc()
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme == "file" {
			return nil, nil
		}
		return find(r.URL)
	}
}

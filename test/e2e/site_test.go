//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
)

// site is a WordPress that somebody has logged in to with a browser's means:
// cookies, and the nonce by which its editor calls the REST API.
type site struct {
	address string // as "http://wordpress.localhost"
	client  *http.Client
	nonce   string
}

// logIn opens the site with the login form.
func logIn(client *http.Client, address, user, password string) (*site, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	with := *client
	with.Jar = jar
	s := &site{address: address, client: &with}
	if _, err := fetch(s.client, address+"/wp-login.php"); err != nil { // sets the cookie that the form wants back
		return nil, err
	}
	form := url.Values{"log": {user}, "pwd": {password}, "testcookie": {"1"}}
	answer, err := s.client.PostForm(address+"/wp-login.php", form)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if path := answer.Request.URL.Path; answer.StatusCode != http.StatusOK || path != "/wp-admin/" {
		return nil, fmt.Errorf("the login ended at %s with %s", path, answer.Status)
	}
	s.nonce, err = fetch(s.client, address+"/wp-admin/admin-ajax.php?action=rest-nonce")
	return s, err
}

// post publishes a post and returns its address and number.
func (s *site) post(title, content string) (address string, id int, err error) {
	body, err := json.Marshal(map[string]string{"title": title, "content": content, "status": "publish"})
	if err != nil {
		return "", 0, err
	}
	var made struct {
		ID   int    `json:"id"`
		Link string `json:"link"`
	}
	err = s.send("/wp-json/wp/v2/posts", "application/json", "", body, &made)
	return made.Link, made.ID, err
}

// upload stores a file and returns its address.
func (s *site) upload(name string, content []byte) (string, error) {
	var made struct {
		Address string `json:"source_url"`
	}
	err := s.send("/wp-json/wp/v2/media", "text/plain", `attachment; filename="`+name+`"`, content, &made)
	return made.Address, err
}

// send posts body and decodes the answer 201 into made.
func (s *site) send(path, kind, disposition string, body []byte, made any) error {
	request, err := http.NewRequest(http.MethodPost, s.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("X-WP-Nonce", s.nonce)
	if disposition != "" {
		request.Header.Set("Content-Disposition", disposition)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s: %.300s", path, answer.Status, text)
	}
	return json.Unmarshal(text, made)
}

// count is the number of published posts.
func (s *site) count() (int, error) {
	answer, err := s.client.Get(s.address + "/wp-json/wp/v2/posts?per_page=1")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("count the posts: %s", answer.Status)
	}
	return strconv.Atoi(answer.Header.Get("X-WP-Total"))
}

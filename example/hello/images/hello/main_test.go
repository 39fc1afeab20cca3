package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswerNamesThePod(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	answer("hello-<1>").ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !strings.Contains(w.Body.String(), "<code>hello-&lt;1&gt;</code>") {
		t.Errorf("the page does not name the pod: %s", w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
}

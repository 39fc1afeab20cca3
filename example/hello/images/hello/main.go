// Command hello answers every HTTP request with one page that names the pod
// which answered. It is the whole content of its image.
package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Hello</title>
<style>body{font:1.2em/1.6 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em;color-scheme:light dark}</style>
<h1>Hello</h1>
<p>This page was served by <code>%s</code>, a pod on your own platform.</p>
</html>
`

func main() {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := serve(stopped, ":8080"); err != nil {
		log.Fatal("hello: ", err)
	}
}

// serve answers on address until stopped is done, and ends when the requests that have begun are answered.
func serve(stopped context.Context, address string) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second, Handler: answer(name)}
	ended := make(chan error, 1)
	go func() {
		<-stopped.Done()
		patience, cancel := context.WithTimeout(context.WithoutCancel(stopped), 20*time.Second)
		defer cancel()
		ended <- server.Shutdown(patience)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// answer gives the page in which name stands for the pod.
func answer(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, page, html.EscapeString(name))
	})
}

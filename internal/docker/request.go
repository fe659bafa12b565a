package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/go-connections/sockets"
	"github.com/docker/go-connections/tlsconfig"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/sift"
)

// The engine's answers are read here as they come, and not by the engine's own client,
// which holds each as a whole: whoever may start containers can make them as large as he
// likes, and a proxy or a broken engine can make them endless.
const (
	// maxAnswer bounds an answer, in bytes, and maxError what is read of a refusal.
	maxAnswer = 256 << 20
	maxError  = 4 << 10
	// maxContainers bounds a list.
	maxContainers = 100_000
	// answerTimeout bounds the time for one, and listTimeout that for a list.
	answerTimeout = 10 * time.Second
	listTimeout   = 30 * time.Second
)

// requester asks an engine.
type requester struct {
	http *http.Client
	// streams opens what has no limit of time.
	streams *http.Client
	// base is where its API is, and host its address as it is shown.
	base url.URL
	host string
	// limit bounds an answer, in bytes.
	limit int64
}

// newRequester makes one for the address of an engine, with the TLS of the environment,
// as the engine's own client has it.
func newRequester(host string) (*requester, error) {
	at, err := client.ParseHostURL(host)
	if err != nil {
		return nil, err
	}
	transport, scheme := &http.Transport{MaxResponseHeaderBytes: 64 << 10}, "http"
	if dir := os.Getenv(client.EnvOverrideCertPath); dir != "" {
		scheme = "https"
		transport.TLSClientConfig, err = tlsconfig.Client(tlsconfig.Options{
			CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
			InsecureSkipVerify: os.Getenv(client.EnvTLSVerify) == "",
		})
		if err != nil {
			return nil, err
		}
	}
	if err := sockets.ConfigureTransport(transport, at.Scheme, at.Host); err != nil {
		return nil, err
	}
	streams := &http.Client{Transport: transport.Clone(), CheckRedirect: client.CheckRedirect}
	transport.ResponseHeaderTimeout = listTimeout
	r := &requester{
		http: &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}, streams: streams, host: shown(at), limit: maxAnswer,
	}
	r.base = url.URL{Scheme: scheme, Host: at.Host, Path: at.Path}
	if at.Scheme == "unix" || at.Scheme == "npipe" {
		r.base.Host, r.base.Path = client.DummyHost, ""
	}
	return r, nil
}

// shown is an address without what may be secret in it.
func shown(at *url.URL) string {
	return at.Scheme + "://" + at.Host[strings.LastIndexByte(at.Host, '@')+1:]
}

// get asks for a path; the caller closes the body. The error wraps logs.ErrNotFound where
// that is the answer.
func (r *requester) get(ctx context.Context, where string, query url.Values) (*http.Response, error) {
	return r.do(ctx, r.http, where, query)
}

// stream is get for an answer whose beginning may take any time, as that of a log does in
// which the engine has to look for a place.
func (r *requester) stream(ctx context.Context, where string, query url.Values) (*http.Response, error) {
	return r.do(ctx, r.streams, where, query)
}

func (r *requester) do(ctx context.Context, by *http.Client, where string, query url.Values) (*http.Response, error) {
	at := r.base
	at.Path, at.RawQuery = path.Join("/", at.Path, where), query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := by.Do(request)
	if err != nil {
		return nil, explain(r.host, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }()
	return nil, refusal(answer)
}

// refusal is what another status than 200 means.
func refusal(answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxError)) // as far as there is one
	message := string(text)
	d := sift.New(strings.NewReader(message), maxError)
	_ = d.Object(func(key string) (err error) { // if it is none, the text says it
		if key != "message" {
			return d.Skip()
		}
		message, _, err = d.String(maxError)
		return err
	})
	return &refusedError{answer.StatusCode, clean(message)}
}

// refusedError is an answer other than 200.
type refusedError struct {
	status  int
	message string
}

// Error implements error.
func (e *refusedError) Error() string {
	return fmt.Sprintf("the engine answers %d: %s%s", e.status, e.message, refusalCure(e.status, e.message))
}

// Is makes "not found" and "unreadable" what the answers of others are called, too.
func (e *refusedError) Is(target error) bool {
	return target == logs.ErrNotFound && e.status == http.StatusNotFound ||
		target == logs.ErrUnreadable && e.status == http.StatusNotImplemented
}

// rest closes the connections that are not in use.
func (r *requester) rest() {
	r.http.CloseIdleConnections()
	r.streams.CloseIdleConnections()
}

// maxMessage bounds what is passed on of what an engine, or what stands before it, says.
const maxMessage = 300

// clean makes one short line of a text.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// ask asks for a path and has the answer read, both in a time.
func (r *requester) ask(ctx context.Context, timeout time.Duration, where string, query url.Values, read func(d *sift.Decoder) error) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := r.get(limited, where, query)
	if err == nil {
		err = read(sift.New(answer.Body, r.limit))
		_ = answer.Body.Close()
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("the engine at %s has not answered in %v", r.host, timeout)
	}
	switch {
	case errors.Is(err, sift.ErrTooLarge):
		return fmt.Errorf("the engine's answer is larger than %d MiB", r.limit>>20)
	case errors.Is(err, sift.ErrTorn):
		return fmt.Errorf("the engine's answer broke off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

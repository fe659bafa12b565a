package status

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// ErrNobody is wrapped by the error of Fetch when nothing listens at an address.
var ErrNobody = errors.New("nobody listens there")

const (
	fetchTimeout = 10 * time.Second
	// maxFetched bounds an answer, in bytes: about a hundred thousand containers.
	maxFetched = 64 << 20
)

// Client is how a lighterman is asked for its state.
type Client struct {
	// Listen is where it listens, as --listen has it.
	Listen string
	// TLS is nil for none.
	TLS *tls.Config
	// Authorization is the header of that name; empty for none.
	Authorization string
}

// Fetch asks the lighterman that listens on an address for its state. The error wraps
// ErrNobody when there is none.
func Fetch(ctx context.Context, listen string) (State, error) {
	return Client{Listen: listen}.Fetch(ctx)
}

// Fetch asks for the state. The error wraps ErrNobody when there is nobody.
func (c Client) Fetch(ctx context.Context) (State, error) {
	var out State
	fail := func(err error) (State, error) {
		return State{}, fmt.Errorf("cannot ask the lighterman at %s: %w", c.Listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	answer, err := c.get(ctx, "/status.json")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := locked(answer); err != nil {
		return fail(err)
	}
	if answer.StatusCode != http.StatusOK {
		return fail(fmt.Errorf("%w: it answers %s", errStranger, answer.Status))
	}
	// A stranger's JSON has no list of containers.
	var list struct {
		Containers json.RawMessage `json:"containers"`
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxFetched))
	if err != nil {
		return fail(err)
	}
	if json.Unmarshal(body, &list) != nil || list.Containers == nil || json.Unmarshal(body, &out) != nil {
		return fail(fmt.Errorf("%w: its /status.json is another", errStranger))
	}
	out.Snapshot = out.Clean()
	for i, v := range out.Conditions {
		out.Conditions[i].Name, out.Conditions[i].Why = bounded(v.Name), bounded(v.Why)
	}
	return out, nil
}

// get asks for a page. The error wraps ErrNobody when there is nobody.
func (c Client) get(ctx context.Context, page string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url()+page, nil)
	if err != nil {
		return nil, err
	}
	if c.Authorization != "" {
		request.Header.Set("Authorization", c.Authorization)
	}
	// No proxy: it is this machine that is asked. No redirect is followed
	// either, which would lead to somebody else.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: c.TLS.Clone()}
	if path, ok := socketOf(c.Listen); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", path)
		}
	}
	answer, err := transport.RoundTrip(request)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNobody
	}
	return answer, err
}

// locked says why a lighterman does not answer, as far as it is one.
func locked(answer *http.Response) error {
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		if strings.Contains(strings.Join(answer.Header.Values("WWW-Authenticate"), " "), `realm="lighterman"`) {
			return errors.New("it wants to know who asks: name --token-file, or --username and --password-file")
		}
	case http.StatusForbidden:
		if body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10)); err == nil && strings.HasPrefix(string(body), onlyHealth) {
			return errors.New("it serves nothing but health, as nothing protects it: web-config-file, listen-token-file or listen-unprotected change that")
		}
	case http.StatusBadRequest:
		if body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10)); err == nil && strings.Contains(string(body), "to an HTTPS server") {
			return errors.New("it speaks TLS: name its authority with --ca-file, or --web-config-file as it has it")
		}
	case http.StatusTooManyRequests:
		return errors.New("too many ask it, or try passwords: try again later")
	}
	return nil
}

// url is where its pages are.
func (c Client) url() string {
	scheme, host := "http", dialled(c.Listen)
	if c.TLS != nil {
		scheme = "https"
	}
	if _, ok := socketOf(c.Listen); ok {
		host = "localhost"
	}
	return scheme + "://" + host
}

var errStranger = errors.New("what listens there is not lighterman")

// dialled is where a listener is reached from its own machine.
func dialled(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return listen
}

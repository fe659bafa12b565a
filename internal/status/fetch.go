package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

// Fetch asks the lighterman that listens on an address, as --listen has it, for
// its state. The error wraps ErrNobody when there is none.
func Fetch(ctx context.Context, listen string) (State, error) {
	var out State
	fail := func(err error) (State, error) {
		return State{}, fmt.Errorf("cannot ask the lighterman at %s: %w", listen, err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	host, dial := dialled(listen), (&net.Dialer{}).DialContext
	if path, socket := SocketPath(listen); socket {
		host = "localhost"
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/status.json", nil)
	if err != nil {
		return fail(err)
	}
	// No proxy: it is this machine that is asked. No redirect is followed
	// either, which would lead to somebody else.
	transport := &http.Transport{DisableKeepAlives: true, DialContext: dial}
	answer, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return fail(ErrNobody)
	case err != nil:
		return fail(err)
	}
	defer func() { _ = answer.Body.Close() }()
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

var errStranger = errors.New("what listens there is not lighterman")

// dialled is where a listener is reached from its own machine.
func dialled(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return listen
}

package lokiproxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/lokitest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	lokitest.StopShared()
	os.Exit(code)
}

// push sends line n of a test to the proxy and gives up after a second.
func push(t *testing.T, p *Proxy, n int) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"streams":[{"stream":{"test":%q},"values":[["%d","%d"]]}]}`, t.Name(), time.Now().UnixNano(), n)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/loki/api/v1/push", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = answer.Body.Close()
	}
	return answer, err
}

// TestFaults: what the client sees of each fault, what the proxy counts, and
// what Loki has in the end.
func TestFaults(t *testing.T) {
	loki := lokitest.Shared(t)
	p := New(t, loki.URL)
	code := func(n, want int) {
		t.Helper()
		answer, err := push(t, p, n)
		if err != nil || answer.StatusCode != want {
			t.Errorf("push %d: %+v, %v", n, answer, err)
		}
	}
	fails := func(n int, want error) {
		t.Helper()
		if _, err := push(t, p, n); !errors.Is(err, want) {
			t.Errorf("push %d: %v", n, err)
		}
	}
	code(1, http.StatusNoContent)
	p.Status(http.StatusTooManyRequests, 7*time.Second)
	answer, err := push(t, p, 2)
	if err != nil || answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "7" {
		t.Errorf("push 2: %+v, %v", answer, err)
	}
	p.Slow(10 * time.Millisecond)
	code(3, http.StatusNoContent)
	p.Slow(time.Hour)
	fails(4, context.DeadlineExceeded)
	p.Swallow()
	fails(5, syscall.ECONNRESET)
	p.HalfOpen()
	fails(6, context.DeadlineExceeded)
	p.Refuse()
	fails(7, syscall.ECONNRESET)
	p.Pass()
	code(8, http.StatusNoContent)
	var got []string
	for _, e := range loki.All(t, fmt.Sprintf("{test=%q}", t.Name())) {
		got = append(got, e.Line)
	}
	if fmt.Sprint(got) != "[1 3 5 8]" {
		t.Errorf("Loki has %v", got)
	}
	for a, want := range map[Answer]int{http.StatusNoContent: 3, http.StatusTooManyRequests: 1, Cut: 1} {
		if n := p.Count(a); n != want {
			t.Errorf("%d requests ended with %d, want %d", n, a, want)
		}
	}
	if p.Count(Reset) == 0 {
		t.Error("no request was reset")
	}
}

// TestRefusedFromTheStart: before any request; and what is said when Loki is away.
func TestRefusedFromTheStart(t *testing.T) {
	p := New(t, "http://127.0.0.1:1")
	p.Refuse()
	if _, err := push(t, p, 1); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	p.Pass()
	if answer, err := push(t, p, 1); err != nil || answer.StatusCode != http.StatusBadGateway {
		t.Errorf("%+v, %v", answer, err)
	}
}

// TestChangedWhileInUse is for the race detector.
func TestChangedWhileInUse(t *testing.T) {
	p := New(t, lokitest.Shared(t).URL)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for range 20 {
				_, _ = push(t, p, n)
			}
		})
	}
	for range 20 {
		p.Refuse()
		p.Swallow()
		p.Status(http.StatusServiceUnavailable, 0)
		p.Pass()
	}
	group.Wait()
	if n := len(p.Requests()); n < 160 {
		t.Errorf("%d requests seen", n)
	}
}

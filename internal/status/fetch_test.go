package status

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestFetch: what is served is what is fetched, from an address as --listen has it.
func TestFetch(t *testing.T) {
	s := server()
	told := snapshot()
	told.Started = told.Started.UTC().Round(0)
	told.Containers[0].Position = &Position{Inode: 1, Offset: 2, Time: time.Unix(3, 4).UTC()}
	s.Observe(func() Snapshot { return told })
	address := strings.TrimPrefix(serve(t, s), "http://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{address, ":" + port, "0.0.0.0:" + port} {
		got, err := Fetch(t.Context(), listen)
		if err != nil {
			t.Fatalf("%s: %v", listen, err)
		}
		if want := s.snapshot(); !reflect.DeepEqual(got.Snapshot, want) || !got.Ready {
			t.Errorf("%s:\ngot  %+v\nwant %+v", listen, got, want)
		}
	}
}

func TestFetchFromNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), address); !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}

func TestFetchFromStrangers(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"refusal":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"object":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) },
		"types":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"containers":[{"name":1}]}`)) },
		"nothing":  func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				answer(w, r)
			}))
			defer other.Close()
			_, err := Fetch(t.Context(), other.Listener.Addr().String())
			if err == nil || errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "is not lighterman") || asked != 1 {
				t.Errorf("got %v after %d requests", err, asked)
			}
		})
	}
}

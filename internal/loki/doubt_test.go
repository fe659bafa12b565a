package loki

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// wrong are answers of what is not Loki, or not its push API.
var wrong = map[string]http.HandlerFunc{
	"VictoriaLogs":  says(400, "remoteAddr: \"127.0.0.1:1\"; requestURI: /loki/api/v1/push; unsupported path requested: \"/loki/api/v1/push\"\n", "Content-Type", "text/plain; charset=utf-8"),
	"Elasticsearch": says(400, `{"error":"no handler found for uri [/loki/api/v1/push] and method [POST]"}`, "Content-Type", "application/json; charset=UTF-8"),
	"422":           says(422, `{"detail":"unprocessable"}`, "Content-Type", "application/json"),
	"no text":       says(400, "", "Content-Type", "text/plain"),
	"no type":       says(400, "bad", "Content-Type", ""),
	"404":           says(404, "404 page not found"), "405": says(405, "method not allowed"), "406": says(406, "not acceptable"),
	"410": says(410, "gone"), "415": says(415, "unsupported media type"), "451": says(451, "no"),
	"a page":                        says(200, "<html>sign in</html>", "Content-Type", "text/html"),
	"a page by its text":            says(200, "<!DOCTYPE html>", "Content-Type", "application/octet-stream"),
	"nothing is so small":           says(413, "too large"),
	"words of Loki's within others": says(400, "gateway: stream '{container=\"a\", stream=\"stdout\"}' has label value too long: 'x'", "Content-Type", "text/plain"),
}

// TestD7WrongServer: while nothing was ever accepted, what is not Loki's verdict is a
// misconfiguration.
func TestD7WrongServer(t *testing.T) {
	for name, answers := range wrong {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, newServer(t, answers).URL, nil)
			if out := c.Probe(t.Context()); out.Kind != logs.Retry && name != "nothing is so small" {
				t.Errorf("probe: %+v", out)
			}
			for range 3 {
				retried(t, c.Push(t.Context(), batch(1)), true, "check")
				if name != "nothing is so small" { // that is sent in parts first
					retried(t, c.Push(t.Context(), batch(3, 2)), true, "check")
				}
			}
		})
	}
}

// TestD7LokisFirstVerdict: a Loki whose first answer refuses all of it is Loki.
func TestD7LokisFirstVerdict(t *testing.T) {
	for name, text := range map[string]string{
		"too old":      `3 errors like: entry for stream '{container="a", stream="stdout"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z`,
		"labels":       `entry for stream '{container="a", stream="stdout"}' has 20 label names; limit 15`,
		"far behind":   "entry with timestamp 1970-01-01 00:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 1970-01-01T00:00:00Z, oldest acceptable timestamp is: 1970-01-01T01:00:00Z',\nuser 'fake', total ignored: 3 out of 3 for stream: {container=\"a\", stream=\"stdout\"}",
		"old Loki's":   "entry with timestamp 1970-01-01 00:00:00 +0000 UTC ignored, reason: 'entry out of order' for stream: {container=\"a\", stream=\"stdout\"},\ntotal ignored: 3 out of 3",
		"a 422 of one": `stream '{container="a", stream="stdout"}' has duplicate label name: 'container'`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, newServer(t, says(400, text, "Content-Type", "text/plain")).URL, nil)
			if out := c.Push(t.Context(), batch(3)); out.Kind != logs.Refused || !out.Exact {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// TestD7AfterAnAcceptance: words that are not known are then searched for, as long as Loki
// still answers a push of nothing; a stream that is refused for its labels costs a request.
func TestD7AfterAnAcceptance(t *testing.T) {
	says400 := says(400, "never heard of that", "Content-Type", "text/plain")
	var s *server
	mode := "accepts"
	s = newServer(t, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		empty := s.bodies[len(s.bodies)-1] == ""
		s.mu.Unlock()
		switch {
		case mode == "accepts":
			w.WriteHeader(http.StatusNoContent)
		case mode == "labels":
			says(400, `stream '{container="a", stream="stdout"}' has forbidden label: 'container'`, "Content-Type", "text/plain")(w, r)
		case empty && mode == "Loki":
			says(422, "error at least one valid stream is required for ingestion", "Content-Type", "text/plain")(w, r)
		default:
			says400(w, r)
		}
	})
	c := newClient(t, s.URL, nil)
	accepted(t, c.Push(t.Context(), batch(3)))
	mode = "other"
	retried(t, c.Push(t.Context(), batch(3)), true, "never heard of that")
	mode = "Loki"
	if out := c.Push(t.Context(), batch(3)); out.Kind != logs.Refused || out.Exact {
		t.Errorf("got %+v", out)
	}
	mode = "labels"
	if out := c.Push(t.Context(), batch(3, 2)); out.Kind != logs.Refused || out.Exact {
		t.Errorf("got %+v", out)
	}
	if out := c.Push(t.Context(), batch(3)); out.Kind != logs.Refused || !out.Exact || len(out.Rejects) != 1 || out.Rejects[0].Count != 3 || out.Rejects[0].Reason != "labels" {
		t.Errorf("got %+v", out)
	}
}

// TestS5NothingThatWasSentComesBack: what is in between may send back what it got, in
// whatever form.
func TestS5NothingThatWasSentComesBack(t *testing.T) {
	const secret = `hush "a'&/+ü%`
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		var text bytes.Buffer
		_ = r.Header.Write(&text)
		user, password, _ := r.BasicAuth()
		text.WriteString(r.URL.String() + user + password + "\n")
		says(502, text.String())(w, r)
	})
	for name, change := range map[string]func(*Config){
		"basic": func(c *Config) { c.Username, c.Password = "user", secret },
		"query": func(c *Config) { c.URL = address(t, c.URL.String()+"/push?token=hush%22a%2Bb%26c") },
		"token": func(c *Config) { c.BearerToken = "hush.hush-hush" },
	} {
		out := newClient(t, s.URL, change).Push(t.Context(), batch(1))
		for _, part := range []string{"hush", "aHVzaC", basic("user:" + secret)[6:30]} {
			if out.Err == nil || strings.Contains(out.Err.Error(), part) {
				t.Errorf("%s: %v", name, out.Err)
			}
		}
	}
}

// TestS5SecretIsAWordOfLokis: a secret that is one of Loki's own words does not hide what
// Loki says, and is not shown.
func TestS5SecretIsAWordOfLokis(t *testing.T) {
	s := newServer(t, says(400, `3 errors like: entry for stream '{container="a", stream="stdout"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z`, "Content-Type", "text/plain"))
	for _, secret := range []string{"test", "errors", "stream"} {
		out := newClient(t, s.URL, func(c *Config) { c.Username, c.Password = "me", secret }).Push(t.Context(), batch(3))
		if out.Kind != logs.Refused || !out.Exact || len(out.Rejects) != 1 || out.Rejects[0].Reason != "too_old" || out.Rejects[0].Count != 3 {
			t.Errorf("%s: got %+v", secret, out)
		}
		if strings.Contains(out.Err.Error(), secret) || len(out.Rejects) > 0 && strings.Contains(out.Rejects[0].Message, secret) {
			t.Errorf("%s is shown: %v, %+v", secret, out.Err, out.Rejects)
		}
	}
	s = newServer(t, says(422, "error at least one valid stream is required for ingestion", "Content-Type", "text/plain"))
	if out := newClient(t, s.URL, func(c *Config) { c.Username, c.Password = "me", "valid" }).Probe(t.Context()); out.Kind != logs.Accepted {
		t.Errorf("probe: %+v", out)
	}
}

// TestS5CutBehindTheSecret: what is shown of a long answer has no part of a secret either.
func TestS5CutBehindTheSecret(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	text := strings.Repeat("x", 490) + " " + secret
	s := newServer(t, says(400, text, "Content-Type", "text/plain"))
	c := newClient(t, s.URL, func(c *Config) { c.BearerToken = secret })
	c.proven.Store(true)
	c.asked.Store(time.Now().UnixNano())
	out := c.Push(t.Context(), batch(1))
	if out.Kind != logs.Refused || len(out.Rejects) != 1 || len(out.Rejects[0].Message) > 510 ||
		strings.Contains(out.Rejects[0].Message, secret[:4]) || strings.Contains(out.Err.Error(), secret[:4]) {
		t.Errorf("got %+v", out)
	}
}

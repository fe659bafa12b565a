package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

// TestS5Forms: a secret is found in whatever an error, a header or a page makes of it.
func TestS5Forms(t *testing.T) {
	for _, secret := range []string{"hunter2", `pa"ss'w&rd/+ü <x>`, "dG9rZW4=+/", "a\tb c%d\\", "päss"} {
		var s Scrubber
		s.Add("me", secret)
		quoted, _ := json.Marshal(secret)
		for name, form := range map[string]string{
			"plain": secret, "%q": fmt.Sprintf("%q", secret), "%q twice": fmt.Sprintf("%q", fmt.Sprintf("%q", secret)), "%+q": fmt.Sprintf("%+q", secret),
			"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "user": url.UserPassword("me", secret).String(),
			"lower": percent.ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
			"JSON":  string(quoted), "HTML": html.EscapeString(secret),
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 URL": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			"basic": "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+secret)),
		} {
			text := "before " + form + " after"
			got := s.Scrub(text)
			if !strings.Contains(got, Hidden) || strings.Contains(got, secret) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%s of %q: got %q", name, secret, got)
			}
		}
	}
}

// TestS5WithoutKnowing: what nobody has made known is hidden where its form shows it.
func TestS5WithoutKnowing(t *testing.T) {
	var s Scrubber
	for text, want := range map[string]string{
		"Authorization: Basic dTpw and":                                    "Authorization: <secret> and",
		`{"authorization":"Bearer abc.def"}`:                               `{"authorization":"<secret>"}`,
		"Proxy-Authorization=Basic dTpw":                                   "Proxy-Authorization=<secret>",
		"Authorization: [Bearer abc]":                                      "Authorization: [<secret>]",
		`"Authorization": ["Bearer abc"]`:                                  `"Authorization": ["<secret>"]`,
		"Authorization: abc":                                               "Authorization: <secret>",
		`Post "http://u:p@h:1/a/b?token=x": refused`:                       `Post "http://h:1": refused`,
		"see https://h/p?q=1, then":                                        "see https://h, then",
		"tcp://me:p/w@host:2375":                                           "tcp://host:2375",
		"unix:///var/run/docker.sock":                                      "unix:///var/run/docker.sock",
		"see https://github.com/lighterman/lighterman/blob/main/docs/x.md": "see https://github.com/lighterman/lighterman/blob/main/docs/x.md",
		"nothing of it":                                                    "nothing of it",
	} {
		if got := s.Scrub(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := (*Scrubber)(nil).Scrub("Authorization: x"); got != "Authorization: <secret>" {
		t.Errorf("got %q", got)
	}
}

// TestS5Addresses: what an address has of secrets is known, also where it is no valid one.
func TestS5Addresses(t *testing.T) {
	for address, secrets := range map[string][]string{
		"http://me:hunter2@proxy:1":             {"hunter2"},
		"https://loki/push?token=abcdef&x=ghij": {"abcdef", "ghij"},
		"tcp://me:hun%20ter@host:port":          {"hun%20ter", "hun ter"},
	} {
		var s Scrubber
		s.AddText(address)
		for _, secret := range secrets {
			if got := s.Scrub("lookup " + secret + ": no such host"); got != "lookup <secret>: no such host" {
				t.Errorf("%s: %q", address, got)
			}
		}
	}
}

// TestS5Log: messages, attributes of every kind, groups and those of With.
func TestS5Log(t *testing.T) {
	var s Scrubber
	s.Add("", "hunter2")
	var b bytes.Buffer
	log := slog.New(s.Handler(slog.NewTextHandler(&b, nil)))
	log = log.With("with", "hunter2", "error", errors.New("with hunter2")).WithGroup("g")
	log.Warn("says hunter2", "text", "hunter2", "error", fmt.Errorf("x: %w", errors.New("hunter2")), "list", []string{"a", "hunter2"},
		slog.Group("in", "deep", "hunter2"), "n", 7, "nothing", nil)
	if got := b.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, "g.n=7") || strings.Count(got, Hidden) != 7 {
		t.Errorf("got %s", got)
	}
	err := s.Error(fmt.Errorf("hunter2: %w", errWrapped))
	if err.Error() != Hidden+": wrapped" || !errors.Is(err, errWrapped) || fmt.Sprintf("%+v %#v", &s, &s) != Hidden+" "+Hidden {
		t.Errorf("got %v", err)
	}
	if s.Error(nil) != nil {
		t.Error("an error of nothing")
	}
}

var errWrapped = errors.New("wrapped")

// TestS5RenewedSecrets: of a file that is written again and again the last few contents are
// known, and the memory for them does not grow; what was given otherwise stays known.
func TestS5RenewedSecrets(t *testing.T) {
	var s Scrubber
	s.Add("me", "of-the-command-line")
	for i := range 1000 {
		s.AddFrom("/token", "me", fmt.Sprintf("token-%04d", i))
		s.AddFrom("/other", "me", "other-token")
		s.AddFrom("/token", "me", "again-and-again")
	}
	for _, secret := range []string{"of-the-command-line", "other-token", "again-and-again", "token-0999", "token-0998"} {
		if got := s.Mask(secret); got != Hidden {
			t.Errorf("%s: got %q", secret, got)
		}
	}
	if got := s.Mask("token-0000"); got != "token-0000" {
		t.Errorf("a thousand contents later: got %q", got)
	}
	if len(s.known) != versions+2 {
		t.Errorf("%d are known", len(s.known))
	}
}

// TestS5Argument: an argument is shown with what is needed to give it again, and without secrets.
func TestS5Argument(t *testing.T) {
	var s Scrubber
	s.Add("", "hunter2")
	for arg, want := range map[string]string{
		"http://loki:3100/prefix/loki/api/v1/push":  "http://loki:3100/prefix/loki/api/v1/push",
		"https://me:unknown@loki/prefix?key=other":  "https://loki/prefix",
		"--loki-url=https://me:unknown@loki/prefix": "--loki-url=https://loki/prefix",
		"https://loki/of/hunter2=x/push":            "https://loki/of/<secret>=x/push",
		"http://one,http://me:unknown@two/x":        "http://two",
		"hunter2":                                   "<secret>",
		"Authorization: Bearer unknown":             "Authorization: <secret>",
		"/etc/lighterman.yaml":                      "/etc/lighterman.yaml",
	} {
		if got := s.Argument(arg); got != want {
			t.Errorf("%s: %s, want %s", arg, got, want)
		}
	}
}

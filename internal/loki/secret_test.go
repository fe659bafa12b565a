package loki

import (
	"encoding/base64"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestAuthorization(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"none", nil, ""},
		{"basic", func(c *Config) { c.Username, c.Password = "user", "hush" }, basic("user:hush")},
		{"user only", func(c *Config) { c.Username = "user" }, basic("user:")},
		{"bearer", func(c *Config) { c.BearerToken = "hush" }, "Bearer hush"},
		{"in the URL", func(c *Config) { c.URL.User = address(t, "http://user:hush@x").User }, basic("user:hush")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, nil)
			accepted(t, newClient(t, s.URL, test.change).Push(t.Context(), batch(1)))
			if got := s.last(t).Header.Get("Authorization"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestSecretFiles: they are read for every push, without the white space around.
func TestSecretFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *Config, file string)
		want   func(secret string) string
	}{
		{"basic", func(c *Config, file string) { c.Username, c.PasswordFile = "user", file }, func(s string) string { return basic("user:" + s) }},
		{"bearer", func(c *Config, file string) { c.BearerTokenFile = file }, func(s string) string { return "Bearer " + s }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, nil)
			file := filepath.Join(t.TempDir(), "file")
			c := newClient(t, s.URL, func(c *Config) { test.change(c, file) })
			retried(t, c.Push(t.Context(), batch(1)), true, "cannot read a secret", file)
			for _, secret := range []string{"hush one", "hush two"} {
				write(t, file, "  "+secret+"\n")
				accepted(t, c.Push(t.Context(), batch(1)))
				if got := s.last(t).Header.Get("Authorization"); got != test.want(secret) {
					t.Errorf("got %q, want %q", got, test.want(secret))
				}
			}
			if len(s.requests) != 2 {
				t.Errorf("%d requests, want 2: none without the secret", len(s.requests))
			}
		})
	}
}

// TestNoSecretInErrors lets requests fail in every way with secrets everywhere.
func TestNoSecretInErrors(t *testing.T) {
	answers := newServer(t, nil)
	answers.Config.Handler = says(407, "who are you")
	gone := newServer(t, nil)
	gone.Close()
	tls := newUnstarted(t, nil)
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	for _, target := range []string{
		answers.URL, gone.URL, tls.URL, strings.Replace(answers.URL, "http", "https", 1), strings.Replace(tls.URL, "https", "http", 1), "http://loki.invalid",
	} {
		for name, change := range map[string]func(*Config){
			"basic":          func(c *Config) { c.Username, c.Password = "user", "hush" },
			"bearer":         func(c *Config) { c.BearerToken = "hush" },
			"not a header":   func(c *Config) { c.BearerToken = "a\nhush" },
			"in the URL":     func(c *Config) { c.URL.User = address(t, "http://user:hush@x").User },
			"proxy":          func(c *Config) { c.Proxy = address(t, strings.Replace(gone.URL, "://", "://user:hush@", 1)) },
			"refusing proxy": func(c *Config) { c.Proxy = address(t, strings.Replace(answers.URL, "://", "://user:hush@", 1)) },
			"socks proxy":    func(c *Config) { c.Proxy = address(t, strings.Replace(gone.URL, "http://", "socks5://user:hush@", 1)) },
		} {
			out := newClient(t, target, change).Push(t.Context(), batch(1))
			if out.Err == nil || strings.Contains(out.Err.Error(), "hush") || strings.Contains(out.Err.Error(), "dXNlcjpodXNo") {
				t.Errorf("%s %s: %v", target, name, out.Err)
			}
		}
	}
}

package config

import (
	"strings"
	"testing"
)

// TestSide: a side has what the configuration has and it has not, but no credentials of one
// Loki for another.
func TestSide(t *testing.T) {
	c, err := Load([]string{"--loki-url", "http://a:3100", "--tenant-id", "old", "--loki-username", "u", "--loki-password", "p"}, []string{"HOME=/home/user"})
	if err != nil {
		t.Fatal(err)
	}
	own, err := c.Side(map[string]string{"tenant-id": "new"})
	if err != nil || own.Tenant != "new" || own.URL.Host != "a:3100" || own.Password != "p" {
		t.Errorf("%+v, %v", own, err)
	}
	own, err = c.Side(map[string]string{"loki-url": "http://b"})
	if err != nil || own.URL.Host != "b" || own.Tenant != "" || own.Username != "" || own.Password != "" {
		t.Errorf("with another URL: %+v, %v", own, err)
	}
	own, err = c.Side(map[string]string{"loki-bearer-token-file": "/token"})
	if err != nil || own.Username != "" || own.Password != "" || own.BearerTokenFile != "/token" {
		t.Errorf("with another token: %+v, %v", own, err)
	}
	if c.Loki.Password != "p" || c.Loki.Tenant != "old" {
		t.Errorf("the configuration has become %+v", c.Loki)
	}
	for want, values := range map[string]map[string]string{
		"tenant-id: invalid value":                {"tenant-id": "a/b"},
		"has no such setting":                     {"loki-password": "x"},
		"loki-password-file needs loki-username":  {"loki-password-file": "x"},
		"exclude each other":                      {"loki-username": "x", "loki-bearer-token-file": "y"},
		"tls-cert-file and tls-key-file need":     {"tls-key-file": "x"},
		"loki-url: the URL must not hold a user":  {"loki-url": "http://user:secret@host"},
		"tls-insecure-skip-verify: invalid value": {"tls-insecure-skip-verify": "yes"},
	} {
		if _, err := c.Side(values); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", values, err)
		}
	}
}

// TestShadow: a shadow shares no position, no held file and no tenant with anybody.
func TestShadow(t *testing.T) {
	c, err := Load([]string{"--loki-url", "http://a:3100", "--tenant-id", "old", "--state-dir", "/state", "--hold-dir", "/hold", "--shadow-tenant", "new"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Loki.Tenant != "new" || c.Loki.Shadow != "new" || c.StateDir != "/state/shadow/new" || c.Hold.Dir != "/hold/shadow/new" {
		t.Errorf("%+v, %s, %s", c.Loki, c.StateDir, c.Hold.Dir)
	}
	for _, name := range []string{"..", "a/b"} {
		if _, err := Load([]string{"--loki-url", "http://a", "--shadow-tenant", name}, nil); err == nil {
			t.Errorf("%q is a tenant", name)
		}
	}
	if _, err := Load([]string{"--shadow-tenant", "new"}, []string{"HOME=/home/user"}); err == nil || !strings.Contains(err.Error(), "needs loki-url") {
		t.Error(err)
	}
}

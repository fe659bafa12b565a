package exposure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/internal/config"
)

// TestS12Insecurities: each is told of, once, and what is as it should be is not.
func TestS12Insecurities(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, open, empty := file("good", "hush", 0o600), file("open", "hush", 0o644), file("empty", " \n", 0o600)
	group := file("group", "hush", 0o640)
	yaml := file("config.yaml", "loki-password: hush\nloki-username: me\n", 0o644)
	for name, c := range map[string]struct {
		args []string
		env  []string
		want []string // a word of each
	}{
		"nothing to hide":      {[]string{"--loki-url=http://loki"}, nil, nil},
		"all is well":          {[]string{"--loki-url=https://loki", "--loki-username=me", "--loki-password-file=" + good}, nil, nil},
		"our own group":        {[]string{"--loki-url=https://loki", "--loki-bearer-token-file=" + group}, nil, nil},
		"plain":                {[]string{"--loki-url=http://loki", "--loki-username=me", "--loki-password-file=" + good}, nil, []string{"plain text"}},
		"plain, token":         {[]string{"--loki-url=http://10.0.0.1", "--loki-bearer-token-file=" + good}, nil, []string{"plain text"}},
		"plain, query":         {[]string{}, []string{"LIGHTERMAN_LOKI_URL=http://loki/push?token=x"}, []string{"plain text"}},
		"loopback":             {[]string{"--loki-url=http://127.0.0.5", "--loki-bearer-token-file=" + good}, nil, nil},
		"loopback, by name":    {[]string{"--loki-url=http://LocalHost:3100", "--loki-bearer-token-file=" + good}, nil, nil},
		"loopback, IPv6":       {[]string{"--loki-url=http://[::1]", "--loki-bearer-token-file=" + good}, nil, nil},
		"not loopback":         {[]string{"--loki-url=http://localhost.example", "--loki-bearer-token-file=" + good}, nil, []string{"plain text"}},
		"not verified":         {[]string{"--loki-url=https://loki", "--tls-insecure-skip-verify"}, nil, []string{"tls-insecure-skip-verify"}},
		"in flags":             {[]string{"--loki-url=https://loki", "--loki-username=me", "--loki-password=hush"}, nil, []string{"--loki-password is a flag"}},
		"token in flags":       {[]string{"--loki-url=https://loki", "--loki-bearer-token", "hush"}, nil, []string{"--loki-bearer-token is a flag"}},
		"proxy in flags":       {[]string{"--loki-url=https://loki", "--proxy-url=https://me:hush@proxy"}, nil, []string{"--proxy-url is a flag"}},
		"in the environment":   {[]string{"--loki-url=https://loki"}, []string{"LIGHTERMAN_LOKI_BEARER_TOKEN=hush"}, nil},
		"a proxy in plain":     {[]string{"--loki-url=https://loki"}, []string{"LIGHTERMAN_PROXY_URL=http://me:hush@proxy"}, []string{"proxy-url begins with http://"}},
		"a file for everybody": {[]string{"--loki-url=https://loki", "--loki-bearer-token-file=" + open}, nil, []string{"every user"}},
		"an empty file":        {[]string{"--loki-url=https://loki", "--loki-bearer-token-file=" + empty}, nil, []string{"is empty"}},
		"all for everybody":    {[]string{"--loki-url=https://loki", "--listen=:9177", "--listen-private=always", "--listen-unprotected"}, nil, []string{"whoever reaches :9177 reads lines"}},
		"lines on this host":   {[]string{"--loki-url=https://loki", "--listen=127.0.0.1:9177", "--listen-private=always", "--listen-unprotected"}, nil, nil},
		"no lines":             {[]string{"--loki-url=https://loki", "--listen=:9177", "--listen-unprotected"}, nil, nil},
		"the configuration":    {[]string{"--loki-url=https://loki", "--config=" + yaml}, nil, []string{"config.yaml can be read by every user"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Load(c.args, c.env)
			if err != nil {
				t.Fatal(err)
			}
			got := Of(cfg)
			if len(got) != len(c.want) {
				t.Fatalf("got %q", got)
			}
			for i, want := range c.want {
				if !strings.Contains(got[i], want) || strings.Contains(got[i], "hush") {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

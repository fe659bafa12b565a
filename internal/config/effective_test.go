package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// everything sets as many settings as go together.
var everything = []string{
	"--loki-url=http://loki:3100", "--tenant-id=1234", "--host-label= ünï: #x ", "--include-name=a|b", "--include-name=[0-9]",
	"--exclude-label=a: b=#c", "--external-label=n=true", "--external-label=y='", "--since=2w", "--batch-wait=0",
	"--batch-size=4096", "--listen=off", "--tls-ca-file=~", "--loki-username=007", "--docker-root=- x",
}

func TestEffectiveLoadsAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{nil, everything} {
		first, err := load(args, testEnviron, testMachine)
		if err != nil {
			t.Fatal(err)
		}
		again := reload(t, first)
		if a, b := values(first), values(again); a != b {
			t.Errorf("loaded again:\n%s\nwant:\n%s", b, a)
		}
	}
}

// reload loads the effective configuration of c as a file.
func reload(t *testing.T, c *Config) *Config {
	t.Helper()
	if err := os.WriteFile("effective.yaml", []byte(c.Effective()), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := load([]string{"--config=effective.yaml"}, testEnviron, testMachine)
	if err != nil {
		t.Fatalf("cannot load again: %v\n%s", err, c.Effective())
	}
	return again
}

// values prints every field of a configuration, but where it was read from.
func values(c *Config) string {
	plain := *c
	plain.File, plain.effective, plain.given, plain.inFlags, plain.prints = "", nil, nil, nil, nil
	plain.Loki.URL, plain.Labels.Relabel, plain.Stages, plain.Files, plain.HostJournals = nil, nil, nil, nil, nil
	out := fmt.Sprintf("%+v %v", plain, c.Loki.URL)
	for _, r := range c.Labels.Relabel {
		out += fmt.Sprintf("\n%+v", *r)
	}
	for _, s := range c.Stages {
		out += "\n" + s.Name + nodes(s.Node)
	}
	for _, j := range c.HostJournals {
		out += fmt.Sprintf("\n%q %v %t %v %t %q %t", j.Name, j.Match, j.CurrentBoot, j.MaxAge, j.Containers, j.Labels, j.OwnStages)
		for _, r := range j.Relabel {
			out += fmt.Sprintf("\n%+v", *r)
		}
		for _, s := range j.Stages {
			out += "\n" + s.Name + nodes(s.Node)
		}
	}
	for _, f := range c.Files {
		out += fmt.Sprintf("\n%q %q %q %t %t", f.Paths, f.Exclude, f.Labels, f.FollowLinks, f.OwnStages)
		for _, r := range f.Relabel {
			out += fmt.Sprintf("\n%+v", *r)
		}
		for _, s := range f.Stages {
			out += "\n" + s.Name + nodes(s.Node)
		}
	}
	return out
}

// nodes prints what a part of a file says, however it is written.
func nodes(n *yaml.Node) string {
	out := fmt.Sprintf(" %d %s %q", n.Kind, n.ShortTag(), strings.Replace(n.Value, "null", "", 1))
	for _, part := range n.Content {
		out += nodes(part)
	}
	return out + ";"
}

func TestSecretsStayHidden(t *testing.T) {
	t.Chdir(t.TempDir())
	const secret = "hunter2"
	args := []string{"--loki-username=me", "--loki-password=" + secret, "--proxy-url=http://me:" + secret + "@proxy"}
	c, err := load(args, testEnviron, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if c.Loki.Password.Reveal() != secret {
		t.Errorf("password is %q", c.Loki.Password.Reveal())
	}
	effective := c.Effective()
	for _, line := range []string{"# loki-password: <secret>  # flag --loki-password\n", "# proxy-url: <secret>  # flag --proxy-url\n"} {
		if !strings.Contains(effective, line) {
			t.Errorf("effective configuration lacks %q", line)
		}
	}
	encoded, err := json.Marshal(c.Loki.Password)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "password", c.Loki.Password)
	reload(t, c)
	// A URL shows its password, as the field says.
	c.Loki.Proxy = nil
	printed := effective + string(encoded) + log.String() + fmt.Sprintf("%v %+v %#v %q %x", c, c, *c, c.Loki.Password, c.Loki.Password)
	if strings.Contains(printed, secret) || strings.Contains(printed, fmt.Sprintf("%x", secret)) {
		t.Errorf("the secret was printed:\n%s", printed)
	}
}

// TestSecretThatIsAWord: what is not a secret by itself stays, so that the configuration
// loads again.
func TestSecretThatIsAWord(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := load([]string{"--loki-username=hybrid", "--loki-password=hybrid", "--host-label=my-hybrid"}, testEnviron, testMachine)
	if err != nil {
		t.Fatal(err)
	}
	if again := reload(t, c); again.Loki.Username != "hybrid" || again.Labels.Host != "my-hybrid" {
		t.Errorf("loaded again as %+v", again)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, file := range []string{
		"loki-password: *hunter2\n", "loki-password: &hunter2\n", "loki-password: !hunter2 x\n", "loki-password: [hunter2]\n",
		"loki-password: {hunter2: x}\n", "loki-password: |\n  hunter2\n", "loki-password: hunter2: x\n", "loki-password: \"hunter2\n",
		"loki-password: %hunter2\n", "loki-password: hunter2\n", "loki-bearer-token: hunter2\nloki-bearer-token-file: x\n",
		"loki-username: me:hunter2\n", "loki-url: http://me:hunter2@loki\n", "loki-url: http://me:hunter2@loki:port\n",
	} {
		_, err := loadFile(t, file)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v", file, err)
		}
	}
	for _, args := range [][]string{
		{"--loki-pasword", secret}, {"--loki-pasword=" + secret}, {"--loki-password=a", secret}, {"-loki-password", secret},
		{"--loki-password", secret + "\n"}, {"--loki-bearer-token=" + secret, "--loki-username=x"},
	} {
		_, err := load(args, testEnviron, testMachine)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v", args, err)
		}
	}
}

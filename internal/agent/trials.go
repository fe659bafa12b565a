package agent

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/logs"
)

// trials is what was found by trying what a configuration says: what run would stumble
// over, and what is worth a word. Each begins with the name of a setting.
type trials struct{ problems, notes []string }

func (t *trials) problem(setting, format string, args ...any) {
	t.problems = append(t.problems, setting+": "+fmt.Sprintf(format, args...))
}

func (t *trials) note(setting, format string, args ...any) {
	t.notes = append(t.notes, setting+": "+fmt.Sprintf(format, args...))
}

// Check tries what the configuration says, without sending a line: live asks Loki and the
// engine as well. It returns what is worth a word, and what run would stumble over.
func (a Agent) Check(ctx context.Context, live bool) (notes, problems []string) {
	found := try(a.Config)
	if live {
		found.live(ctx, a)
	}
	for _, text := range insecurities(a.Config) {
		found.note("not secure", "%s", text)
	}
	return found.notes, found.problems
}

// try tries everything that can be tried without asking anybody but the kernel.
func try(cfg *config.Config) *trials {
	t := &trials{}
	t.files(cfg)
	for i := range cfg.Outputs {
		own := &trials{}
		own.files(cfg.WithOutput(&cfg.Outputs[i], 1))
		for _, text := range own.problems {
			t.problem("outputs", "%s: %s", cfg.Outputs[i].Name, text)
		}
	}
	t.stateDir(cfg)
	t.holdDir(cfg)
	t.listen(cfg)
	t.engine(cfg)
	t.dockerRoot(cfg)
	t.journal(cfg)
	t.stages(cfg)
	return t
}

// stages tries whether the stages can be run, and their tests.
func (t *trials) stages(cfg *config.Config) {
	p, err := stagesOf(cfg)
	if err != nil {
		t.problems = append(t.problems, strings.Split(err.Error(), "\n")...)
		return
	}
	t.notes = append(t.notes, p.Notes()...)
	t.tests(cfg, p)
}

// mostRead bounds what is read of a file of a few lines, in bytes.
const mostRead = 1 << 20

// read reads a file that a setting names.
func (t *trials) read(setting, path string) ([]byte, bool) {
	if path == "" {
		return nil, false
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.problem(setting, "%v: %s", err, curePath(err))
		return nil, false
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		t.problem(setting, "%s is not a file", path)
		return nil, false
	}
	text, err := io.ReadAll(io.LimitReader(f, mostRead))
	if err != nil {
		t.problem(setting, "%v", err)
		return nil, false
	}
	return text, true
}

// curePath says what to do about a path that cannot be opened.
func curePath(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "make it, or mend the setting; in a container it has to be mounted"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let user %d read it", os.Geteuid())
	}
	return "mend it, or the setting"
}

// files tries the files for Loki.
func (t *trials) files(cfg *config.Config) {
	if text, ok := t.read("tls-ca-file", cfg.Loki.TLS.CAFile); ok && !x509.NewCertPool().AppendCertsFromPEM(text) {
		t.problem("tls-ca-file", "%s holds no certificate in PEM form", cfg.Loki.TLS.CAFile)
	}
	cert, okCert := t.read("tls-cert-file", cfg.Loki.TLS.CertFile)
	key, okKey := t.read("tls-key-file", cfg.Loki.TLS.KeyFile)
	if okCert && okKey {
		if pair, err := tls.X509KeyPair(cert, key); err != nil {
			t.problem("tls-cert-file", "it does not go with tls-key-file: %v", err)
		} else if pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter) {
			t.problem("tls-cert-file", "the certificate in %s was valid until %s", cfg.Loki.TLS.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateTime))
		}
	}
	for _, secret := range []struct{ setting, path string }{{"loki-password-file", cfg.Loki.PasswordFile}, {"loki-bearer-token-file", cfg.Loki.BearerTokenFile}} {
		text, ok := t.read(secret.setting, secret.path)
		if ok && len(bytes.TrimSpace(text)) == 0 {
			t.problem(secret.setting, "%s is empty", secret.path)
		}
	}
}

func (t *trials) stateDir(cfg *config.Config) {
	if cfg.Loki.URL == nil && !cfg.Given("state-dir") {
		return // nothing is kept
	}
	err := checkpoint.Probe(cfg.StateDir)
	switch {
	case errors.Is(err, checkpoint.ErrRefused):
		t.problem("state-dir", "%v", err)
	case err != nil:
		t.problem("state-dir", "%v: make it writable for user %d, or choose another", err, os.Geteuid())
	}
}

// holdDir tells what it finds in words, also when all is well.
func (t *trials) holdDir(cfg *config.Config) {
	if cfg.Hold.Dir == "" {
		return
	}
	containers := containersDir(knownRoot(cfg))
	if hold.Within(cfg.Hold.Dir, containers) {
		t.problem("hold-dir", "%v", within(cfg.Hold.Dir, containers))
		return
	}
	switch tried, err := hold.Probe(cfg.Hold.Dir, containers); {
	case err != nil:
		t.problem("hold-dir", "logs in %s cannot be linked: %v", containers, err)
	case !tried:
		t.note("hold-dir", "there is no log in %s to try a hard link with", containers)
	default:
		t.note("hold-dir", "logs in %s can be linked", containers)
	}
}

// engine tries whether the engine's socket may be used.
func (t *trials) engine(cfg *config.Config) {
	if cfg.Docker.Host == config.NoEngine {
		return
	}
	client, err := docker.New(cfg.Docker.Host, labelsInUse(cfg, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem("docker-host", "%v", err)
		return
	}
	defer client.Rest()
	path, local := strings.CutPrefix(client.Host(), "unix://")
	if !local {
		return
	}
	conn, err := net.DialTimeout("unix", path, 5*time.Second) //nolint:noctx // as above
	switch {
	case err == nil:
		_ = conn.Close()
	case errors.Is(err, fs.ErrPermission):
		t.problem("docker-host", "user %d may not use %s: add it to the socket's group (usermod -aG docker USER), run as root, or do without by docker-host none", os.Geteuid(), path)
	case errors.Is(err, fs.ErrNotExist) && !cfg.Given("docker-host"):
		t.note("docker-host", "there is no engine at %s: it is waited for; do without by docker-host none", path)
	case errors.Is(err, fs.ErrNotExist):
		t.problem("docker-host", "there is no socket %s: start the engine, mount the socket, or mend the setting", path)
	default:
		t.problem("docker-host", "cannot connect to %s: %v: start the engine", path, errors.Unwrap(err))
	}
}

// dockerRoot tries whether Docker's files can be read.
func (t *trials) dockerRoot(cfg *config.Config) {
	if cfg.Docker.Host == config.NoEngine {
		text, sound := directoryReport(cfg)
		if text = "none: " + text; sound {
			t.note("docker-host", "%s", text)
		} else {
			t.problem("docker-host", "%s", text)
		}
		return
	}
	if cfg.Reading.Mode == config.StreamOnly {
		return
	}
	containers := containersDir(knownRoot(cfg))
	dir, err := os.Open(containers)
	if err == nil {
		_, err = dir.Readdirnames(1)
		_ = dir.Close()
	}
	switch {
	case err == nil || errors.Is(err, io.EOF):
	case cfg.Given("docker-root") || cfg.Reading.Mode == config.FileOnly:
		t.problem("docker-root", "%v: %s", err, curePath(err))
	default:
		t.note("docker-root", "%v: logs go by the API where the engine has no other place for them", err)
	}
}

func (t *trials) journal(cfg *config.Config) {
	if cfg.Reading.Mode == config.StreamOnly || slices.Contains(cfg.Journal.Dirs, "none") {
		return
	}
	for _, dir := range cfg.Journal.Dirs {
		if _, err := os.ReadDir(dir); err != nil {
			t.problem("journal-dir", "%v: %s", err, curePath(err))
			continue
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*.journal"))
		for _, path := range files {
			f, err := os.Open(path)
			if err != nil {
				t.problem("journal-dir", "%v: %s", err, curePath(err))
				break
			}
			_ = f.Close()
		}
	}
}

// live asks Loki and the engine.
func (t *trials) live(ctx context.Context, a Agent) {
	cfg := a.Config
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if cfg.Docker.Host != config.NoEngine {
		t.askEngine(ctx, cfg)
	}
	if cfg.Loki.URL == nil {
		return
	}
	t.askLoki(ctx, a, "loki-url")
	for i := range cfg.Outputs {
		own := a
		own.Config = cfg.WithOutput(&cfg.Outputs[i], 1)
		t.askLoki(ctx, own, "outputs: "+cfg.Outputs[i].Name)
	}
}

// askLoki asks a Loki whether it takes lines.
func (t *trials) askLoki(ctx context.Context, a Agent, setting string) {
	sink, err := a.newSink(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem(setting, "%v", err)
		return
	}
	defer sink.close()
	if out := sink.to.Load().Probe(ctx); out.Kind != logs.Accepted {
		t.problem(setting, "%s: %v", sink.name(), out.Err)
	} else {
		t.note(setting, "%s answers", sink.name())
	}
}

func (t *trials) askEngine(ctx context.Context, cfg *config.Config) {
	client, err := docker.New(cfg.Docker.Host, labelsInUse(cfg, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		return // told of
	}
	defer client.Rest()
	info, err := client.Info(ctx)
	if err == nil {
		_, err = client.List(ctx)
	}
	switch {
	case err != nil:
		t.problem("docker-host", "%v", err)
	case info.Podman:
		t.problem("docker-host", "%s is Podman, whose logs cannot be read", client.Host())
	default:
		t.note("docker-host", "%s answers; its data root is %s", client.Host(), info.Root)
	}
}

// directoryReport says in words what can be read without an engine, and whether there
// are containers at all.
func directoryReport(cfg *config.Config) (text string, sound bool) {
	ctx := context.Background()
	quiet := slog.New(slog.DiscardHandler)
	host, closeJournal := newJournal(cfg, nil, quiet)
	defer closeJournal()
	source, err := newDirectory(cfg, quiet, nil, host, func(string) {})
	if err != nil {
		return err.Error(), false
	}
	ids, err := source.discover.List(ctx)
	if err != nil {
		return err.Error(), false
	}
	readable, first := 0, ""
	for _, id := range ids {
		c, err := source.discover.Inspect(ctx, id)
		why := ""
		if err != nil {
			why = fmt.Sprintf("%.12s: %v", id, err)
		} else if r := source.rules.Route(c); r.Kind == logs.Unreadable {
			why = c.Name + ": " + r.Reason
		}
		switch {
		case why == "":
			readable++
		case first == "":
			first = "; " + why
		}
	}
	return fmt.Sprintf("the logs of %d of %d containers in %s can be read%s", readable, len(ids), source.place, first), true
}

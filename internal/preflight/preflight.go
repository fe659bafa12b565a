package preflight

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
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lighterman/lighterman/internal/budget"
	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/docker"
	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/exposure"
	"github.com/lighterman/lighterman/internal/hold"
	"github.com/lighterman/lighterman/internal/host"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/ruleset"
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
func Check(ctx context.Context, cfg *config.Config, version string, live bool) (notes, problems []string) {
	found := tried(cfg)
	if live {
		found.live(ctx, cfg, version)
	}
	for _, text := range exposure.Of(cfg) {
		found.note("not secure", "%s", text)
	}
	for _, text := range budget.SmallerBatches(cfg) {
		found.note("batch-size", "%s", text)
	}
	return found.notes, found.problems
}

// tried tries everything that can be tried without asking anybody but the kernel.
func tried(cfg *config.Config) *trials {
	t := &trials{}
	t.files(cfg)
	for i := range cfg.Outputs {
		own := &trials{}
		own.files(cfg.WithOutput(&cfg.Outputs[i], 1))
		for _, text := range own.problems {
			t.problem("outputs", "%s: %s", cfg.Outputs[i].Name, text)
		}
	}
	t.receivers(cfg)
	t.stateDir(cfg)
	t.holdDir(cfg)
	t.listen(cfg)
	t.engine(cfg)
	t.dockerRoot(cfg)
	t.journal(cfg)
	t.stages(cfg)
	t.hostFiles(cfg)
	t.hostJournals(cfg)
	return t
}

// receivers says of outputs what they cannot do that a Loki can.
func (t *trials) receivers(cfg *config.Config) {
	const what = "lines are delivered at least once, not exactly once: what was sent and not acknowledged before a crash is there twice then, unless the receiver knows what it has; verify, why and resend cannot ask it"
	const ofLoki = "that is a Loki's address for OTLP, over which it acknowledges lines that it has refused: set loki-url to it instead, without the path, and none is lost"
	if to := cfg.Loki.OTLP; to != nil {
		t.note("otlp-url", what)
		if isLokis(to) {
			t.note("otlp-url", ofLoki)
		}
	}
	for i := range cfg.Outputs {
		o := &cfg.Outputs[i]
		if o.Loki.OTLP == nil {
			continue
		}
		t.note("outputs", "%s: %s", o.Name, what)
		if isLokis(o.Loki.OTLP) {
			t.note("outputs", "%s: %s", o.Name, ofLoki)
		}
	}
}

// isLokis reports whether an address ends as that of a Loki for OTLP does.
func isLokis(to *url.URL) bool { return strings.HasSuffix(to.Path, "/otlp/v1/logs") }

// hostJournals tries whether the sections of the host's journal can be read.
func (t *trials) hostJournals(cfg *config.Config) {
	sections, err := host.ListJournals(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem("journal", "%v", err)
		return
	}
	for _, s := range sections {
		if s.Route == logs.Unreadable.String() {
			t.problem("journal", "%s: %s", s.Name, s.Reason)
		}
	}
}

// hostFiles tries which files of the host are found, and says which are not read.
func (t *trials) hostFiles(cfg *config.Config) {
	files, err := host.ListFiles(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem("files", "%v", err)
		return
	}
	for _, f := range files {
		if f.Route == logs.Unreadable.String() {
			t.note("files", "%s is not collected: %s", f.Name, f.Reason)
		}
	}
}

// stages tries whether the stages can be run, and their tests.
func (t *trials) stages(cfg *config.Config) {
	p, err := ruleset.Compile(cfg)
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
	containers := host.ContainersDir(host.KnownRoot(cfg))
	if hold.Within(cfg.Hold.Dir, containers) {
		t.problem("hold-dir", "%v", host.WithinDocker(cfg.Hold.Dir, containers))
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
	client, err := docker.New(cfg.Docker.Host, host.LabelsInUse(cfg, nil), slog.New(slog.DiscardHandler))
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
		text, sound := host.DirectoryReport(cfg)
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
	containers := host.ContainersDir(host.KnownRoot(cfg))
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
func (t *trials) live(ctx context.Context, cfg *config.Config, version string) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if cfg.Docker.Host != config.NoEngine {
		t.askEngine(ctx, cfg)
	}
	if cfg.Loki.URL == nil {
		return
	}
	t.askLoki(ctx, cfg, version, exposure.AddressOf(&cfg.Loki))
	for i := range cfg.Outputs {
		t.askLoki(ctx, cfg.WithOutput(&cfg.Outputs[i], 1), version, "outputs: "+cfg.Outputs[i].Name)
	}
}

// askLoki asks a Loki, or a receiver of OTLP, whether it takes lines.
func (t *trials) askLoki(ctx context.Context, cfg *config.Config, version, setting string) {
	sink, err := endpoint.New(cfg, version, slog.New(slog.DiscardHandler))
	if err != nil {
		t.problem(setting, "%v", err)
		return
	}
	defer sink.Close()
	if out := sink.Probe(ctx); out.Kind != logs.Accepted {
		t.problem(setting, "%s: %v", sink.Name, out.Err)
	} else {
		t.note(setting, "%s answers", sink.Name)
	}
}

func (t *trials) askEngine(ctx context.Context, cfg *config.Config) {
	client, err := docker.New(cfg.Docker.Host, host.LabelsInUse(cfg, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		return // told of
	}
	defer client.Rest()
	info, err := client.Info(ctx)
	if err == nil {
		_, _, err = client.List(ctx)
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

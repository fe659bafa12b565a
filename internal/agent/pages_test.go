package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/access"
	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/endpoint"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/loki"
	"github.com/lighterman/lighterman/internal/redact"
	"github.com/lighterman/lighterman/internal/ruleset"
	"github.com/lighterman/lighterman/internal/status"
	"github.com/lighterman/lighterman/test/settings"
)

// TestPrivate: lines, labels, configuration and messages are for those who have shown that they
// may, unless a setting says otherwise.
func TestPrivate(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		address, tokens string
		open            bool
		private         config.Private
		want            bool
	}{
		{"127.0.0.1:0", "", false, config.PrivateAuto, false},
		{"0.0.0.0:0", "", true, config.PrivateAuto, false},
		{"127.0.0.1:0", tokens, false, config.PrivateAuto, true},
		{"unix:/run/x.sock", "", false, config.PrivateAuto, true},
		{"unix:/run/x.sock", "", false, config.PrivateNever, false},
		{"127.0.0.1:0", "", false, config.PrivateAlways, true},
	} {
		a, err := access.Open(access.Config{TokenFile: test.tokens, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		server := status.New(test.address, nil, slog.New(slog.DiscardHandler))
		server.Protect(a, test.open)
		s := &service{first: &graph{config: &config.Config{Listener: config.Listener{Private: test.private}}}, server: server}
		if got := s.showsPrivate(); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestShownReload: the page of the configuration has what is in force since when, and why the
// newest one is not.
func TestShownReload(t *testing.T) {
	cfg, err := config.Load([]string{"--loki-url", "http://127.0.0.1:1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reloader{started: cfg, applied: cfg, newest: cfg}
	began := time.Now()
	r.show(began, nil, nil, nil)
	cfg.Secrets = new(redact.Scrubber)
	cfg.Secrets.Add("", "hush-hush")
	r.show(began.Add(time.Hour), nil, nil, errors.New("a:1: hush-hush is wrong\nb:2: so is this"))
	got := r.shown.Load()
	if fmt.Sprint(got.Problems) != "[a:1: <secret> is wrong b:2: so is this]" || !got.Loaded.Equal(began) || got.Tried.Equal(began) || got.Text == "" {
		t.Errorf("%+v", got)
	}
	r.show(began.Add(2*time.Hour), nil, []string{"listen"}, nil)
	r.show(began.Add(3*time.Hour), nil, nil, errors.New("wrong"))
	if got := r.shown.Load(); fmt.Sprint(got.Problems, got.Restart) != "[wrong] [listen]" {
		t.Errorf("%+v", got)
	}
	r.show(began.Add(4*time.Hour), nil, []string{"listen"}, nil)
	if got := r.shown.Load(); got.Problems != nil || len(got.Restart) != 1 || !got.Loaded.Equal(began) {
		t.Errorf("%+v", got)
	}
}

// TestShownInForce: what waits for a restart is not shown as if it were in force, and what
// changed without one is since then, also where nothing of it is shown.
func TestShownInForce(t *testing.T) {
	started := settings.Of(t, "batch-wait: 1s\nlisten-private: never\n")
	next := settings.Of(t, "batch-wait: 5s\nlisten-private: never\nlog-level: debug\nfiles: [{paths: [/a]}]\nloki-password: hush-hush\nloki-username: me\n")
	rules, err := ruleset.New("", started, slog.New(slog.DiscardHandler), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := &reloader{
		started: started, applied: started, newest: started, log: slog.New(slog.DiscardHandler), rules: rules, told: func(bool, time.Time) {}, version: "1",
		graphs: []*graph{{sink: &sink{renewed: make(chan struct{}, 1)}}}, load: func() (*config.Config, error) { return next, nil },
	}
	to, err := endpoint.New(started, "1", r.log)
	if err != nil {
		t.Fatal(err)
	}
	r.graphs[0].sink.to.Store(to)
	defer r.graphs[0].sink.close()
	long := time.Now().Add(-time.Hour)
	r.show(long, nil, nil, nil)
	if got := r.shown.Load().Text; got != started.Effective() || strings.Contains(got, "restart:") {
		t.Errorf("at the start:\n%s", got)
	}
	r.reload("x", slog.LevelInfo)
	got := r.shown.Load()
	for _, want := range []string{"\nbatch-wait: 1s  # ", "\n# after a restart: batch-wait: 5s  # ", "\nlog-level: debug  # ", "\nfiles: []  # default", "\n# after a restart: files:", "\n# after a restart:   - paths:"} {
		if !strings.Contains("\n"+got.Text, want) {
			t.Errorf("%q is missing in:\n%s", want, got.Text)
		}
	}
	if strings.Contains(got.Text, "hush-hush") || !got.Loaded.After(long) {
		t.Errorf("loaded %v", got.Loaded)
	}
	r.shown.Load().Loaded = long
	next = settings.Of(t, "batch-wait: 5s\nlisten-private: never\nlog-level: debug\nfiles: [{paths: [/a]}]\nloki-password: other-one\nloki-username: me\n")
	r.reload("x", slog.LevelInfo)
	if !r.shown.Load().Loaded.After(long) {
		t.Error("another password came into force, and nothing since then")
	}
	r.shown.Load().Loaded = long
	next = settings.Of(t, "batch-wait: 6s\nlisten-private: never\nlog-level: debug\nloki-password: other-one\nloki-username: me\n")
	r.reload("x", slog.LevelInfo)
	if got := r.shown.Load(); got.Loaded.After(long) || !strings.Contains(got.Text, "# after a restart: batch-wait: 6s") || strings.Contains(got.Text, "restart: files") {
		t.Errorf("what waits for a restart came into force: %+v", got)
	}
}

// TestAnswer: how a push ended is in words, and is of the Loki that there is.
func TestAnswer(t *testing.T) {
	for kind, want := range map[logs.OutcomeKind]string{logs.Accepted: "accepted", logs.Retry: "retry", logs.TooLarge: "too_large", logs.Refused: "refused"} {
		if a := answerOf(time.Now().Add(-time.Second), logs.Outcome{Kind: kind}); a.Outcome != want || a.Seconds < 1 {
			t.Errorf("%+v", a)
		}
	}
	before, now := &endpoint.Loki{Name: "before"}, &endpoint.Loki{Name: "now"}
	s := &sink{}
	s.to.Store(before)
	s.answered.Store(&answered{to: before})
	if s.lastAnswer() == nil {
		t.Error("the last answer is not there")
	}
	s.to.Store(now)
	if s.lastAnswer() != nil {
		t.Error("the last answer of another Loki stands beside the new address")
	}
}

// TestLokisWords: what Loki says may quote labels and the tenant. Who may not see them is told
// what it answers and what to do, and no more.
func TestLokisWords(t *testing.T) {
	said := fmt.Errorf("http://loki:3100: %w (check tenant-id)", &loki.AnswerError{Status: 429, Text: `stream {customer="hush"} of user 'hush'`})
	for private, want := range map[config.Private]bool{config.PrivateNever: false, config.PrivateAlways: true} {
		s := &service{first: &graph{config: &config.Config{Listener: config.Listener{Private: private}}}}
		text := s.shown(said).Error()
		if strings.Contains(text, "hush") != want || !strings.HasPrefix(text, "http://loki:3100: cannot push to Loki: it answers 429") || !strings.HasSuffix(text, "(check tenant-id)") {
			t.Errorf("%v: %s", private, text)
		}
		if s.shown(nil) != nil || !errors.Is(s.shown(errNotReached), errNotReached) {
			t.Error("an error of our own is another, or there is one where there was none")
		}
	}
	all := []status.Container{{}, {LastRefusal: &status.Refusal{Reason: "too_old", Message: "hush", Cure: "set the clock"}}}
	withoutMessages(all)
	if r := all[1].LastRefusal; r.Message != "" || r.Reason != "too_old" || r.Cure == "" {
		t.Errorf("%+v", r)
	}
}

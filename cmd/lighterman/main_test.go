package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lighterman": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"serve": serve},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", "")
			env.Setenv("STATE_DIRECTORY", "/run/state")
			return nil
		},
	})
}

// serve answers every request on an address, whose name is the first argument,
// with a file, the second, until the script ends.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve variable file")
	}
	body := ts.ReadFile(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, body)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func TestSignals(t *testing.T) {
	defer goleak.VerifyNone(t)
	var out strings.Builder
	signals := make(chan os.Signal)
	exited := make(chan int)
	log := slog.New(slog.NewTextHandler(&out, nil))
	ctx, stop := stopOnSignal(context.Background(), signals, log, func(code int) { exited <- code })
	defer stop()

	signals <- syscall.SIGTERM
	<-ctx.Done()
	signals <- syscall.SIGTERM // as timeout(1) does
	signals <- os.Interrupt
	if code := <-exited; code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if got := strings.Count(out.String(), "\n"); got != 2 || !strings.Contains(out.String(), `msg="stopping at once" signal=interrupt`) {
		t.Errorf("log:\n%s", out.String())
	}
}

func TestNoSignal(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, stop := stopOnSignal(context.Background(), nil, slog.New(slog.DiscardHandler), func(int) { t.Error("exit") })
	stop()
	if ctx.Err() == nil {
		t.Error("the context outlives its owner")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestBrokenStandardOutput(t *testing.T) {
	if code := run(t.Context(), []string{"version"}, nil, brokenPipe{}, io.Discard); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
	}{
		{nil, exitUsage},
		{[]string{"chek"}, exitUsage},
		{[]string{"--mode", "file"}, exitUsage},
		{[]string{"help"}, 0},
		{[]string{"help", "nothing"}, exitUsage},
		{[]string{"version"}, 0},
		{[]string{"version", "2"}, exitUsage},
		{[]string{"check"}, 0},
		{[]string{"check", "--help"}, 0},
		{[]string{"check", "--mode", "none"}, exitUsage},
		{[]string{"run", "--help"}, 0},
		{[]string{"run", "--mode", "none"}, exitUsage},
		{[]string{"run", "--state-dir", "/dev/null/none"}, exitFailure},
	} {
		if got := run(t.Context(), tt.args, []string{"HOME=/home/user"}, io.Discard, io.Discard); got != tt.want {
			t.Errorf("%q: exit code %d, want %d", tt.args, got, tt.want)
		}
	}
}

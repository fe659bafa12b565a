package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/resend"
)

// TestResendGoOn: the command to go on has all that was given, in words that a shell takes, but
// the times, and no secret.
func TestResendGoOn(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	args := []string{"web", "--since", "2h", "--rate=64KiB", "--until=1h", "--blind", "--config", "/etc/my file.yaml", "--loki-password", "secret", "--add-label", "a=it's"}
	o, err := parseResend(args, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"--config", "/etc/my file.yaml", "--loki-password", "secret"}; !slices.Equal(o.rest, want) {
		t.Errorf("for run: %q", o.rest)
	}
	for _, test := range []struct {
		reached time.Time
		since   string
		left    int
	}{
		{now.Add(-90 * time.Minute), "10:30:00Z", 0},
		{now.Add(-3 * time.Hour), "10:00:00Z", 0}, // before the beginning, of what is read before it
		{time.Time{}, "10:00:00Z", 1},             // of a service that has more
	} {
		stopped := &resend.Resent{Name: "web", Left: test.left}
		if !test.reached.IsZero() {
			stopped.Reached = test.reached.UnixNano()
		}
		var out strings.Builder
		r := &resendReport{of: o, out: &out, argument: func(s string) string { return strings.ReplaceAll(s, "secret", "…") }, stopped: stopped}
		r.goOn()
		want := "lighterman resend web --since 2026-11-29T" + test.since + ` --until 2026-11-29T11:00:00Z --rate 64KiB --blind --add-label 'a=it'\''s' --config '/etc/my file.yaml' --loki-password '…'` + "\n"
		if _, command, _ := strings.Cut(out.String(), "to go on (give the secrets again):\n"); command != want && test.left == 0 || !strings.HasPrefix(command, want) {
			t.Errorf("%v: %s\nwant %s", test.reached, command, want)
		}
		if said := strings.Contains(out.String(), "and then the containers behind it"); said != (test.left > 0) {
			t.Errorf("%d containers are left: %s", test.left, out.String())
		}
	}
}

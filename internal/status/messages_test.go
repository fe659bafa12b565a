package status

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestMessages: the last messages are kept with all that they say, in bounds, and go to the
// log as without.
func TestMessages(t *testing.T) {
	var text bytes.Buffer
	m := new(Messages)
	log := slog.New(m.Handler(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.Debug("not logged")
	log.With("container", "web").WithGroup("of").With("a", 1).Error("cannot read\nit", "error", errors.New("why\x1b[31m"), "list", []string{"x", "y"}, slog.Group("g", "b", true), slog.Attr{})
	last := m.Last(slog.LevelDebug)
	if len(last) != 1 || last[0].Level != slog.LevelError || last[0].Text != "cannot read it" {
		t.Fatalf("%+v", last)
	}
	if got, want := fmt.Sprint(last[0].Attributes), "[{container web} {of.a 1} {of.error why [31m} {of.list x, y} {of.g.b true}]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.Contains(text.String(), "container=web of.a=1 of.error=") {
		t.Errorf("the log has %s", text.String())
	}
	for i := range 2 * keptMessages {
		log.Info("one", "n", i, "long", strings.Repeat("x", 1000), "and", strings.Repeat("y", 300), "more", strings.Repeat("z", 300), "yet", strings.Repeat("z", 300), "b", strings.Repeat("z", 300), "c", strings.Repeat("z", 300), "d", strings.Repeat("z", 300), "e", strings.Repeat("z", 300), "f", strings.Repeat("z", 300))
	}
	last = m.Last(slog.LevelDebug)
	if len(last) != keptMessages || last[0].Attributes[0].Value != fmt.Sprint(2*keptMessages-1) {
		t.Errorf("%d messages, the first is %+v", len(last), last[0])
	}
	size := 0
	for _, a := range last[0].Attributes {
		size += len(a.Name) + len(a.Value)
	}
	if size > maxMessage+32 || last[0].Attributes[len(last[0].Attributes)-1].Name != "…" {
		t.Errorf("%d bytes, the last is %+v", size, last[0].Attributes[len(last[0].Attributes)-1])
	}
	if len(m.Last(slog.LevelError)) != 0 || (*Messages)(nil).Last(slog.LevelDebug) != nil {
		t.Error("there are messages of another level, or of no log")
	}
}

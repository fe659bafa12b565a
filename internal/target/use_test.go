package target

import (
	"context"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// keeping is a source that tells only of what is asked for by now.
type keeping struct {
	mu   sync.Mutex
	full bool
	hang chan struct{} // not nil: inspections wait
}

func (k *keeping) List(context.Context) ([]string, int, error) { return []string{"1"}, 1, nil }

func (k *keeping) Inspect(context.Context, string) (*logs.Container, error) {
	k.mu.Lock()
	full, hang := k.full, k.hang
	k.mu.Unlock()
	if hang != nil {
		<-hang
	}
	c := &logs.Container{ID: "1", Name: "web", Labels: map[string]string{}}
	if full {
		c.Labels["team"] = "blue"
	}
	return c, nil
}

func (k *keeping) Events(ctx context.Context, subscribed func(), _ func(string)) error {
	subscribed()
	<-ctx.Done()
	return ctx.Err()
}

// TestUse: other rules decide when the container was inspected for them, and not by what was
// kept for the ones before.
func TestUse(t *testing.T) {
	source := &keeping{}
	before := &Rules{Labeler: Labeler{Host: "old"}}
	d := New(Config{Source: source, Rules: before, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	defer func() { cancel(); <-done }()
	await := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.After(time.Minute); !is(); {
			select {
			case <-d.Updates():
			case <-deadline:
				t.Fatal("waited in vain for " + what)
			}
		}
	}
	host := func() string {
		set, _ := d.Wanted()
		if c := set["1"]; c != nil {
			return d.Labels(c).Get("host") + c.Labels["team"]
		}
		return ""
	}
	await("the container", func() bool { return host() == "old" })
	hang := make(chan struct{})
	source.mu.Lock()
	source.full, source.hang = true, hang
	source.mu.Unlock()
	d.Use(&Rules{Labeler: Labeler{Host: "new"}})
	if got := host(); got != "old" {
		t.Errorf("decided before it was inspected: %q", got)
	}
	close(hang)
	await("the new labels", func() bool { return host() == "newblue" })
	d.Use(&Rules{Filter: Filter{ExcludeNames: []*regexp.Regexp{regexp.MustCompile("^web$")}}})
	await("the end of it", func() bool { set, _ := d.Wanted(); return len(set) == 0 && d.Excluded("1") })
}

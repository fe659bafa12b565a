package dispatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestOrderOfRequests: what a batch becomes when it is not taken as a whole, request by request.
func TestOrderOfRequests(t *testing.T) {
	has := func(b *logs.Batch, text string) bool { return slices.Contains(texts(b), text) }
	answers := map[string]func(n int, b *logs.Batch) logs.Outcome{
		"one refused": func(_ int, b *logs.Batch) logs.Outcome {
			if has(b, "b 2") {
				return logs.Outcome{Kind: logs.Refused, Err: errors.New("400")}
			}
			return logs.Outcome{}
		},
		"too large": func(_ int, b *logs.Batch) logs.Outcome {
			if b.Entries > 3 {
				return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("413")}
			}
			return logs.Outcome{}
		},
		"one stream at its limit": func(n int, b *logs.Batch) logs.Outcome {
			if g := groupNamed(b, "b"); g != nil && n < 4 {
				return logs.Outcome{Kind: logs.Retry, Group: g, RateLimited: true, Err: errors.New("429")}
			}
			return logs.Outcome{}
		},
		"one stream too large": func(_ int, b *logs.Batch) logs.Outcome {
			if g := groupNamed(b, "b"); g != nil && g.Len() > 1 {
				return logs.Outcome{Kind: logs.TooLarge, Group: g, Err: errors.New("429")}
			}
			return logs.Outcome{}
		},
		"too late": func(n int, b *logs.Batch) logs.Outcome {
			if n < 3 {
				time.Sleep(10 * time.Second)
				return logs.Outcome{Kind: logs.Retry, TimedOut: true, Err: errors.New("timeout")}
			}
			return logs.Outcome{}
		},
		"too late, then a limit": func(n int, b *logs.Batch) logs.Outcome {
			switch {
			case n < 2:
				time.Sleep(10 * time.Second)
				return logs.Outcome{Kind: logs.Retry, TimedOut: true, Err: errors.New("timeout")}
			case n < 5:
				return logs.Outcome{Kind: logs.Retry, Group: b.Groups[0], RetryAfter: 2 * time.Second, RateLimited: true, Err: errors.New("429")}
			}
			return logs.Outcome{}
		},
	}
	want := map[string][]string{
		"one stream at its limit": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4 c1 c2",
			"b1 b2 b3",
			"b1 b2 b3",
		},
		"one stream too large": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4 c1 c2",
			"b1",
			"b2 b3",
			"b2",
			"b3",
		},
		"too late": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4",
			"a1 a2",
			"a3 a4",
			"b1 b2 b3 c1 c2",
		},
		"too late, then a limit": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4",
			"b1 b2 b3 c1 c2",
			"c1 c2",
			"a1 a2 a3 a4",
			"b1 b2 b3",
			"c1 c2",
		},
		"one refused": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4",
			"b1 b2 b3 c1 c2",
			"b1 b2 b3",
			"c1 c2",
			"b1",
			"b2 b3",
			"b2",
			"b3",
		},
		"too large": {
			"a1 a2 a3 a4 b1 b2 b3 c1 c2",
			"a1 a2 a3 a4",
			"b1 b2 b3 c1 c2",
			"b1 b2 b3",
			"c1 c2",
			"a1 a2",
			"a3 a4",
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				s := &sink{}
				s.answer = func(b *logs.Batch) logs.Outcome {
					if groupNamed(b, "before") != nil {
						return logs.Outcome{}
					}
					var all []string
					for _, line := range texts(b) {
						all = append(all, strings.ReplaceAll(strings.TrimRight(line, "x"), " ", ""))
					}
					got = append(got, strings.Join(all, " "))
					n := len(got)
					s.mu.Unlock()
					defer s.mu.Lock()
					return answer(n, b)
				}
				d, _, stop := start(t, s, nil)
				defer stop()
				sendAs(t, d.Lane(0), "before", lines(1, 1), nil)
				settled(time.Millisecond) // what follows leaves together
				long := ""
				if strings.HasPrefix(name, "too late") {
					long = strings.Repeat("x", minBatch)
				}
				for i, id := range []string{"a", "b", "c"} {
					var these []string
					for k := range 4 - i {
						these = append(these, fmt.Sprint(k+1, long))
					}
					sendAs(t, d.Lane(0), id, these, nil)
				}
				settled(time.Hour)
				if !slices.Equal(got, want[name]) {
					t.Errorf("%s: got\n%q: {\n%s\n},", name, name, strings.ReplaceAll(fmt.Sprintf("%q", got), `" "`, "\",\n\""))
				}
				if d.Buffered() != 0 {
					t.Errorf("%s: %d bytes are left", name, d.Buffered())
				}
			})
		})
	}
}

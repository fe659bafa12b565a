package dispatch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// ofTenant adds a line of a tenant's stream.
func ofTenant(b *logs.Batch, tenant, name string, at time.Time) {
	b.Add(labels(name), logs.Entry{Time: at.UnixNano(), Line: []byte("x"), Extra: &logs.Extra{Tenant: tenant}})
}

// TestPlanByTenant: a request is of one tenant, streams that may be refused are the last of
// theirs, and those of the same labels are another stream for each tenant.
func TestPlanByTenant(t *testing.T) {
	s, now := newStreams(), time.Unix(1_700_000_000, 0)
	shape := func(b *logs.Batch) string {
		var out []string
		for _, part := range planned(s, b, now) {
			var names []string
			for _, g := range part.Groups {
				names = append(names, g.Tenant+"/"+g.Labels.Get("container"))
			}
			out = append(out, strings.Join(names, " "))
			s.told(part, now)
		}
		return strings.Join(out, "|")
	}
	all := func(old ...string) *logs.Batch {
		var b logs.Batch
		for _, name := range []string{"x/a", "y/a", "/a", "x/b", "y/b"} {
			tenant, container, _ := strings.Cut(name, "/")
			at := now
			if slices.Contains(old, name) {
				at = at.Add(-time.Hour)
			}
			ofTenant(&b, tenant, container, at)
		}
		return &b
	}
	for i, step := range []struct{ old, want string }{
		{"", "x/a|x/b|y/a|y/b|/a"},
		{"", "x/a x/b|y/a y/b|/a"},
		{"x/a", "x/b x/a|y/a y/b|/a"},
		{"/a", "x/a x/b|y/a y/b|/a"},
	} {
		if got := shape(all(step.old)); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if len(s.known) != 5 {
		t.Errorf("%d streams are known, want 5", len(s.known))
	}
}

// TestOneTenantPerRequest: whatever the sink answers, no request has entries of two tenants,
// all entries come with what they have, and each tenant's in order.
func TestOneTenantPerRequest(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := &sink{}
			got := make(map[string][]string)
			answers := rand.New(rand.NewPCG(seed, 2))
			s.answer = func(b *logs.Batch) logs.Outcome {
				if tenants := b.Tenants(); len(tenants) != 1 {
					t.Errorf("a request of %q", tenants)
				}
				g := b.Groups[answers.IntN(len(b.Groups))]
				switch answers.IntN(12) {
				case 0:
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("busy")}
				case 1:
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("limit"), Group: g, RateLimited: true}
				case 2:
					if b.Entries > 1 {
						return logs.Outcome{Kind: logs.TooLarge, Err: errors.New("large")}
					}
				case 3:
					return logs.Outcome{Kind: logs.Retry, Err: errors.New("what is that?"), Unproven: true}
				}
				for _, g := range b.Groups {
					for i := range g.Len() {
						var own string
						for name, value := range g.MetadataOf(i).All() {
							own += fmt.Sprintf(" %s=%s", name, value)
						}
						key := g.Tenant + "/" + g.Labels.Get("container")
						if line := string(g.Line(i)) + own; !slices.Contains(got[key], line) {
							got[key] = append(got[key], line)
						}
					}
				}
				return logs.Outcome{}
			}
			d, _, stop := start(t, s, func(c *Config) { c.LastOnly = seed%2 == 0 })
			want := make(map[string][]string)
			var draft logs.Draft
			for i := range 200 {
				id := fmt.Sprint("c", rng.IntN(3))
				if err := d.Lane(0).Begin(t.Context(), id, &draft); err != nil {
					t.Fatal(err)
				}
				set := labels(id)
				for k := range rng.IntN(5) {
					tenant := []string{"", "a", "b"}[rng.IntN(3)]
					e := logs.Entry{Time: int64(i*10 + k), Line: fmt.Append(nil, "line ", i, " ", k), Extra: &logs.Extra{Tenant: tenant}}
					text := string(e.Line)
					if rng.IntN(2) == 0 {
						e.Extra.Metadata = e.Extra.Metadata.Append("n", text)
						text += " n=" + text
					}
					draft.Add(set, e)
					want[tenant+"/"+id] = append(want[tenant+"/"+id], text)
				}
				d.Lane(0).End(id, &draft, func() {})
				if rng.IntN(5) == 0 {
					d.Lane(0).Flush()
					time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
				}
			}
			d.Close()
			settled(5 * time.Hour)
			for key, lines := range want {
				// Of a stream that was tried with a single line that one may come before.
				if have := slices.Sorted(slices.Values(got[key])); !slices.Equal(have, slices.Sorted(slices.Values(lines))) {
					t.Errorf("seed %d, %s: %d lines, want %d", seed, key, len(got[key]), len(lines))
				}
			}
			if d.Buffered() != 0 {
				t.Errorf("seed %d: %d bytes are left", seed, d.Buffered())
			}
			stop()
		})
	}
}

// TestMetadataCountsAsHeld: what entries have beside their text takes memory, too.
func TestMetadataCountsAsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{answer: func(*logs.Batch) logs.Outcome { time.Sleep(time.Hour); return logs.Outcome{} }}
		d, _, stop := start(t, s, nil)
		defer stop()
		var draft logs.Draft
		begin(t, d.Lane(0), "web", &draft)
		metadata := logs.Metadata(nil).Append("name", strings.Repeat("v", 1000))
		for range 10 {
			draft.Add(web, logs.Entry{Line: []byte("x"), Extra: &logs.Extra{Metadata: metadata}})
		}
		d.Lane(0).End("web", &draft, nil)
		if want := 10 * (1 + len(metadata) + logs.EntryOverhead); d.Buffered() != want {
			t.Errorf("%d bytes held, want %d", d.Buffered(), want)
		}
	})
}

package dispatch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// TestD7RefusedForItsLabels: a stream that is refused for its labels costs a request now and
// then, and counts once; its lines count one by one, and hold up nobody. Once the sink takes it,
// its lines are delivered.
func TestD7RefusedForItsLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := logs.NewLabels(map[string]string{"container": "bad"}, nil), logs.NewLabels(map[string]string{"container": "good"}, nil)
		refused, beside, raised := 0, 0, false
		s := &sink{answer: func(b *logs.Batch) logs.Outcome {
			for _, g := range b.Groups {
				if g.Labels == bad && !raised {
					refused++
					beside += b.Entries - g.Len() // are taken
					return logs.Outcome{Kind: logs.Refused, Exact: true, Err: errors.New("labels"), Rejects: []logs.Reject{{
						Container: "bad", ID: g.Container, Reason: "labels", Count: g.Len(), Message: "too long", Streams: []*logs.Group{g},
					}}}
				}
			}
			return logs.Outcome{}
		}}
		d, m, stop := start(t, s, func(c *Config) { c.LastOnly = true })
		defer stop()
		acks := 0
		give := func(labels *logs.Labels) {
			var draft logs.Draft
			if err := d.Lane(0).Begin(t.Context(), labels.Get("container"), &draft); err != nil {
				t.Fatal(err)
			}
			draft.Add(labels, logs.Entry{Time: time.Now().UnixNano(), Line: []byte("a line")})
			d.Lane(0).End(labels.Get("container"), &draft, func() { acks++ })
			d.Lane(0).Flush()
		}
		const seconds = 11 * 60
		for range seconds {
			give(bad)
			give(good)
			settled(time.Second)
		}
		if refused != 3 { // every five minutes
			t.Errorf("%d requests were refused", refused)
		}
		r := d.Refused("bad")
		if m.streams != 1 || m.rejected["labels"] != seconds || r.Lines != seconds || r.Message != "too long" || d.RefusedLines() != seconds {
			t.Errorf("%d streams, %v lines, %+v", m.streams, m.rejected, r)
		}
		if acks != 2*seconds || len(s.accepted)+beside != seconds {
			t.Errorf("%d acks, %d accepted and %d beside", acks, len(s.accepted), beside)
		}
		raised = true
		settled(rejectedFor)
		before := len(s.accepted)
		give(bad)
		settled(time.Second)
		if len(s.accepted) != before+1 || d.RefusedLines() != seconds {
			t.Errorf("after the limit was raised %d more are accepted, %d refused", len(s.accepted)-before, d.RefusedLines())
		}
		d.Lane(0).Forget("bad")
		if len(d.Lane(0).rejected.streams) != 0 {
			t.Error("it is not forgotten")
		}
	})
}

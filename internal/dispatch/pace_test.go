package dispatch

import (
	"testing"
	"time"
)

// TestPaceOfAnswers: what is learnt of a sink from how long its answers take.
func TestPaceOfAnswers(t *testing.T) {
	const mib = 1 << 20
	type answer struct {
		took     time.Duration
		bytes    int
		timedOut bool
	}
	near, far, late := answer{took: time.Millisecond, bytes: mib}, answer{took: 100 * time.Millisecond, bytes: mib}, answer{took: 10 * time.Second, bytes: mib, timedOut: true}
	for name, test := range map[string]struct {
		limit          int
		answers        []answer
		pushers, bytes int
		slow           bool
	}{
		"near":                           {mib, []answer{near, near, near}, 1, mib, false},
		"far":                            {mib, []answer{far, far}, 3, mib, true},
		"very far":                       {mib, []answer{far, far, far, far, far, far, far, far, far, far}, 8, mib, true},
		"far, then near":                 {mib, []answer{far, far, near}, 3, mib, false},
		"too late":                       {mib, []answer{far, far, late}, 1, mib, false},
		"too late, then in time":         {mib, []answer{late, far, far}, 3, mib, true},
		"too late, then nearly":          {mib, []answer{late, far, far, far, {took: 6 * time.Second, bytes: mib}}, 2, mib, false},
		"grows where there is time":      {mib / 8, []answer{late, {took: time.Second, bytes: mib / 8}}, 2, mib / 4, true},
		"does not where there is little": {mib / 8, []answer{late, {took: 8 * time.Second, bytes: mib / 8}}, 1, mib / 8, false},
		"nor by what is small":           {mib / 8, []answer{late, {took: time.Second, bytes: mib / 32}}, 2, mib / 8, true},
	} {
		p := pace{limit: test.limit, most: mib, mostPushers: 1, requests: maxPushes}
		for _, a := range test.answers {
			p.answered(a.took, a.bytes, a.timedOut)
		}
		if p.mostPushers != test.pushers || p.limit != test.bytes || p.slow() != test.slow {
			t.Errorf("%s: %d pushers, batches of %d, slow %v; want %d, %d, %v", name, p.mostPushers, p.limit, p.slow(), test.pushers, test.bytes, test.slow)
		}
	}
}

// TestPaceOfSizes: batches shrink at once, to no less than minBatch, and grow little by little.
func TestPaceOfSizes(t *testing.T) {
	p := pace{limit: 1 << 20, most: 1 << 20}
	p.shrink(1 << 20)
	if p.limit != 1<<19 {
		t.Errorf("limit %d", p.limit)
	}
	p.shrink(10)
	if p.limit != minBatch {
		t.Errorf("limit %d", p.limit)
	}
	steps := 0
	for ; p.limit < p.most; steps++ {
		p.grow()
	}
	if steps < 30 || steps > 50 {
		t.Errorf("%d steps", steps)
	}
	p.shrink(1 << 20)
	p.tooLate = time.Second
	if p.grow(); p.limit != 1<<19 {
		t.Errorf("grows to %d though that took too long", p.limit)
	}
}

package verify

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestVerifySince: no time is left out where comparisons take long, or fail, and nothing from
// very long ago is compared for it.
func TestVerifySince(t *testing.T) {
	started := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	v := &Loop{Every: time.Hour, started: started, last: make(map[string]time.Time)}
	for _, test := range []struct{ last, began, since time.Duration }{
		{0, time.Hour, -time.Hour},
		{0, 5 * time.Hour, -time.Hour},                  // never done
		{2 * time.Hour, 3 * time.Hour, time.Hour},       // as usual
		{2 * time.Hour, 6 * time.Hour, time.Hour},       // one that took long
		{2 * time.Hour, 90 * time.Hour, 66 * time.Hour}, // Loki was away
	} {
		if test.last > 0 {
			v.last["a"] = started.Add(test.last)
		}
		if got := v.since("a", started.Add(test.began)).Sub(started); got != test.since {
			t.Errorf("%v: since %v", test, got)
		}
	}
	v.Every = 48 * time.Hour
	if got := v.since("a", started.Add(100*time.Hour)).Sub(started); got != 4*time.Hour {
		t.Errorf("a long interval: since %v", got)
	}
}

// TestVerifyUntold: that a log cannot be compared is said once, until it can be.
func TestVerifyUntold(t *testing.T) {
	v := &Loop{untold: make(map[string]map[string]string)}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, why := range []string{"denied", "denied", "gone", "", "gone"} {
		now := make(map[string]string)
		v.say("loki-url", &Verified{ID: "a", Unread: why}, now, log)
		v.untold["loki-url"] = now
	}
	if n := strings.Count(out.String(), "cannot verify"); n != 3 {
		t.Errorf("said %d times:\n%s", n, out.String())
	}
}

// TestVerifyApart: hosts that are started together do not ask their Loki together.
func TestVerifyApart(t *testing.T) {
	const every, hosts = time.Hour, 1000
	slots := make(map[time.Duration]int)
	for range hosts {
		at := first(every)
		if at < every/2 || at >= every*3/2 {
			t.Fatalf("the first comparison is after %v", at)
		}
		slots[at/(every/10)]++
	}
	for slot, n := range slots {
		if n > hosts/5 {
			t.Errorf("%d of %d hosts begin in the tenth %d of the time", n, hosts, slot)
		}
	}
}

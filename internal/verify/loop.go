package verify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/examine"
	"github.com/lighterman/lighterman/internal/status"
)

const (
	// verifyQueries is how often in a second Loki is asked beside the work, and
	// verifyRemembered how many entries of each side are remembered then.
	verifyQueries    = 2
	verifyRemembered = 20_000
	// verifyLeast is how far back lines are compared at least, and verifyMost how far at most
	// where that is more than usual, as some times were not compared yet.
	verifyLeast = time.Hour
	verifyMost  = 24 * time.Hour
)

// Loop compares again and again. It is for one goroutine.
type Loop struct {
	// Every is how often; 0 for never.
	Every   time.Duration
	Version string
	// Config is the configuration that is in force.
	Config func() *config.Config
	// Outputs are those that have a Loki.
	Outputs []Output

	started time.Time
	// last is when the comparison of an output began that was last done, and untold why which
	// of its logs could not be compared the last time, so that it is said once.
	last   map[string]time.Time
	untold map[string]map[string]string
}

// Output is one that is compared, and where it is said and counted what was found.
type Output struct {
	// Name is what the output is called beside others.
	Name    string
	Log     *slog.Logger
	Metrics *status.Metrics
}

// Run compares what is stored with what Loki has, again and again, until ctx is done.
func (v *Loop) Run(ctx context.Context) error {
	if v.Every == 0 || len(v.Outputs) == 0 {
		return nil
	}
	v.started, v.last, v.untold = time.Now(), make(map[string]time.Time), make(map[string]map[string]string)
	ticker := time.NewTicker(first(v.Every))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C: // one that takes longer leaves some out
			ticker.Reset(v.Every)
			v.all(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// first is when the first comparison begins, from a half to one and a half of the usual time
// after the start: hosts that are started together must not all ask their Loki together, again
// and again.
func first(every time.Duration) time.Duration { return every/2 + rand.N(every) }

// since is from when on lines of an output are compared by what begins at a time: so that none
// is left out where the ones before took long, or failed.
func (v *Loop) since(output string, began time.Time) time.Time {
	usual := began.Add(-max(2*v.Every, verifyLeast))
	last, was := v.last[output]
	if !was {
		last = v.started
	}
	since := last.Add(-v.Every)
	if most := began.Add(-verifyMost); since.Before(most) {
		since = most
	}
	if usual.Before(since) {
		return usual
	}
	return since
}

// say warns of a log of an output that could not be compared, unless it was so the last time,
// and notes it in now.
func (v *Loop) say(output string, of *Verified, now map[string]string, log *slog.Logger) {
	if of.Unread == "" {
		return
	}
	now[of.ID] = of.Unread
	if v.untold[output][of.ID] == of.Unread {
		return
	}
	log.Warn("cannot verify that Loki has what is stored of a log", "of", string(of.Kind), "name", of.Name, "id", of.ID, "reason", of.Unread)
}

// all compares all outputs, one after the other.
func (v *Loop) all(ctx context.Context) {
	for i := range v.Outputs {
		if ctx.Err() == nil {
			v.one(ctx, &v.Outputs[i])
		}
	}
}

func (v *Loop) one(ctx context.Context, out *Output) {
	began, name, log, metrics := time.Now(), out.Name, out.Log, out.Metrics
	var sum status.Verified
	failed, untold := 0, make(map[string]string)
	// What there is to say of containers and labels the service itself has said.
	by := examine.Service{Config: v.Config(), Log: slog.New(slog.DiscardHandler), Version: v.Version}
	of := Verification{Scope: examine.Scope{Outputs: []string{name}, Since: v.since(name, began), PerSecond: verifyQueries}, Remembered: verifyRemembered}
	err := Run(ctx, by, of, func(of *Verified) error {
		sum.Missing += of.Result.Missing
		sum.Twice += of.Result.Twice
		sum.Changed += of.Result.Changed
		sum.NotStored += of.Result.Strange
		sum.NotSent += of.Result.Waiting
		if of.Failed {
			failed++
		}
		v.say(name, of, untold, log)
		if !of.Result.Same() {
			log.Warn("Loki does not have what is stored of a log: lighterman verify shows examples", "of", string(of.Kind), "name", of.Name, "id", of.ID,
				"missing", of.Result.Missing, "twice", of.Result.Twice, "changed", of.Result.Changed, "not_stored", of.Result.Strange)
		}
		return nil
	})
	if err == nil {
		v.untold[name] = untold
	}
	switch {
	case ctx.Err() != nil: // it is about to end
	case err == nil && failed > 0:
		metrics.NotVerified()
		metrics.Verified(sum, began)
	case err != nil:
		metrics.NotVerified()
		log.Warn("cannot verify that Loki has what is stored, trying again later", "error", err, "in", v.Every.String())
	default:
		v.last[name] = began
		metrics.Verified(sum, began)
		log.Debug("verified that Loki has what is stored", "took", time.Since(began).String(), "missing", sum.Missing, "not_sent", sum.NotSent)
	}
}

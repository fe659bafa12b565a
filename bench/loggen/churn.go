package loggen

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lighterman/lighterman/bench/line"
)

// Churn is containers that come, write and are removed as soon as they have ended, as
// `docker run --rm` does it.
type Churn struct {
	Seed uint64
	// Containers there will be, numbered from First on; one begins each Every.
	First, Containers int
	Every             time.Duration
	// Life is how long each writes, and Rate how many lines per second.
	Life time.Duration
	Rate float64
	// Tell is called with what happens to a container: create, start, die, destroy.
	Tell func(action string, container int)
}

// short is a container that lives for a while.
type short struct {
	*writer
	began time.Time
	lines int
}

// Churn plays until the last container is removed or ctx is done, and enters the lines in
// the ledger.
func (l *Layout) Churn(ctx context.Context, ledger line.Ledger, o Churn) error {
	m := line.NewMaker(o.Seed)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	var alive []*short
	defer func() {
		for _, s := range alive {
			_ = s.file.Close()
		}
	}()
	began, made := time.Now(), 0
	for made < o.Containers || len(alive) > 0 {
		for made < o.Containers && time.Since(began) >= time.Duration(made)*o.Every {
			s, err := l.begin(ledger, o, o.First+made)
			if err != nil {
				return fmt.Errorf("cannot begin container: %w", err)
			}
			alive = append(alive, s)
			made++
		}
		// The oldest is the first: all live equally long.
		for len(alive) > 0 && time.Since(alive[0].began) >= o.Life {
			if err := l.end(m, alive[0], o); err != nil {
				return fmt.Errorf("cannot end container: %w", err)
			}
			alive = alive[1:]
		}
		for _, s := range alive {
			if err := s.catchUp(m, o); err != nil {
				return fmt.Errorf("cannot write log: %w", err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (l *Layout) begin(ledger line.Ledger, o Churn, i int) (*short, error) {
	now := time.Now()
	if err := l.create(i, now); err != nil {
		return nil, err
	}
	o.Tell("create", i)
	o.Tell("start", i)
	w, err := l.open(ledger, i)
	return &short{writer: w, began: now}, err
}

// catchUp writes what is due by now.
func (s *short) catchUp(m *line.Maker, o Churn) error {
	for due := int(min(time.Since(s.began), o.Life).Seconds() * o.Rate); s.lines < due; s.lines++ {
		if err := s.write(m); err != nil {
			return err
		}
	}
	return nil
}

func (l *Layout) end(m *line.Maker, s *short, o Churn) error {
	if err := s.catchUp(m, o); err != nil {
		return err
	}
	if err := s.file.Close(); err != nil {
		return err
	}
	if err := l.stop(s.container, s.began); err != nil {
		return err
	}
	o.Tell("die", s.container)
	if err := os.RemoveAll(l.Dir(s.container)); err != nil {
		return err
	}
	o.Tell("destroy", s.container)
	return nil
}

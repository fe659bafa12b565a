package fleet

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/lighterman/lighterman/bench/line"
	"github.com/lighterman/lighterman/test/engine"
)

// Options say what a fleet does.
type Options struct {
	Containers int
	Mix        Mix
	// Rate is the lines per second of each container.
	Rate float64
	// Rotate gives logs of json-file and local a size after which they rotate.
	Rotate bool
	// Seed draws what happens.
	Seed uint64
	// Syslog is the address for the driver of that name.
	Syslog string
}

// Fleet is running containers.
type Fleet struct {
	engine  *engine.Engine
	options Options
	// counts is the directory in which the containers keep count.
	counts string

	mu     sync.Mutex // guards the fields below
	slots  []*engine.Container
	number int
	// drivers of all containers there ever were, by number.
	drivers map[int]string
	acts    Acts
}

// Start starts the containers. They are removed when the test ends.
func Start(t testing.TB, e *engine.Engine, o Options) *Fleet {
	t.Helper()
	f := &Fleet{engine: e, options: o, counts: t.TempDir(), slots: make([]*engine.Container, o.Containers), drivers: make(map[int]string)}
	drivers := o.Mix.Drivers(o.Containers)
	e.Image(t)
	f.each(func(slot int) {
		if t.Context().Err() != nil {
			return // asked to end
		}
		c := f.create(t, drivers[slot])
		c.Start(t)
		f.put(slot, c)
	})
	if t.Failed() || t.Context().Err() != nil {
		t.FailNow()
	}
	return f
}

// together is how many containers are started or stopped at a time.
const together = 4

// each calls do for every slot, a few at a time.
func (f *Fleet) each(do func(slot int)) {
	var group sync.WaitGroup
	for w := range together {
		group.Go(func() {
			for slot := w; slot < len(f.slots); slot += together {
				do(slot)
			}
		})
	}
	group.Wait()
}

func (f *Fleet) put(slot int, c *engine.Container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slots[slot] = c
}

// rotation are the options of a log that rotates: at 10 lines per second about
// twice a minute.
var rotation = map[string]string{"max-size": "100k", "max-file": "4"}

func (f *Fleet) create(t testing.TB, driver string) *engine.Container {
	t.Helper()
	f.mu.Lock()
	number := f.number
	f.number++
	f.drivers[number] = driver
	f.mu.Unlock()
	options := map[string]string{}
	switch {
	case driver == "syslog":
		options["syslog-address"] = f.options.Syslog
	case f.options.Rotate && (driver == "json-file" || driver == "local"):
		maps.Copy(options, rotation)
		if number%2 == 0 && driver == "json-file" {
			options["compress"] = "true"
		}
	}
	return f.engine.Create(t, engine.Spec{
		Name: fmt.Sprintf("fleet%d", number), Driver: driver, Opts: options, Binds: []string{f.counts + ":/counts"},
		Args: []string{"-account", "/counts:" + strconv.Itoa(number), "-tag", "fleet", "-rate", fmt.Sprint(f.options.Rate), "-streams", "alternate"},
	})
}

// Stop stops all containers: nothing more is written.
func (f *Fleet) Stop(t testing.TB) {
	t.Helper()
	f.each(func(slot int) { f.slots[slot].Stop(t) })
}

// Drivers returns the driver of every container there ever was, by its number.
func (f *Fleet) Drivers() map[int]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.drivers)
}

// Written returns what all containers have written until now, of which the times
// are not known.
func (f *Fleet) Written() (line.Ledger, error) {
	files, err := os.ReadDir(f.counts)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was written: %w", err)
	}
	out := make(line.Ledger)
	for _, file := range files {
		number, err := strconv.Atoi(file.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot read what was written: %w", err)
		}
		tally, err := line.LoadWritten(filepath.Join(f.counts, file.Name()))
		if err != nil {
			return nil, err
		}
		out[number] = &tally
	}
	return out, nil
}

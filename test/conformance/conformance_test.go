package conformance

import (
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/wait"
)

// The sources are how a container's lines come to lighterman, by the name that they have
// in the table.
const (
	jsonFile  = "json-file"
	localFile = "local"
	api       = "API"
	journal   = "journal"
)

// goneWithContainer is why what was not read through the API need not come.
const goneWithContainer = "the engine deletes a log with its container, and can be asked for nothing of it afterwards"

// cases are what every source must do. except says of a source why it cannot.
var cases = []struct {
	name   string
	write  work
	play   func(*scene)
	except map[string]string
}{
	{name: "resume", play: resume},
	{name: "partial lines", write: work{long: true}, play: partial},
	{name: "rotation", write: work{rotating: true}, play: rotation, except: map[string]string{
		api: "an engine of version 20.10 itself loses and repeats lines of a log that it follows over a rotation",
	}},
	{name: "rotation while away", write: work{rotating: true}, play: rotationWhileAway},
	{name: "removal", play: removal},
	{name: "removal before Loki is there", play: removalBeforeLoki, except: map[string]string{api: goneWithContainer}},
	{name: "removal while away", write: work{held: true}, play: removalWhileAway, except: map[string]string{api: goneWithContainer}},
	{name: "replay", play: replay},
	{name: "time order", write: work{burst: true}, play: order},
}

// TestConformance plays them, side by side: nearly all the time they wait.
func TestConformance(t *testing.T) {
	t.Parallel()
	docker := engine.Private(t, engine.PrivateOptions{})
	for _, c := range cases {
		for _, name := range []string{jsonFile, localFile, api, journal} {
			if why := c.except[name]; why != "" {
				t.Logf("%s, %s: left out: %s", c.name, name, why)
				continue
			}
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, docker, name, c.write)
				c.play(s)
			})
		}
	}
}

// resume: it goes on where it was, after an orderly end and after a kill.
func resume(s *scene) {
	s.start()
	s.arrived(50)
	s.terminate()
	s.written(50)
	s.start()
	s.arrived(50)
	s.lighterman.Kill9(s.t)
	s.written(50)
	s.start()
	s.arrived(50)
	s.check(s.end())
}

// partial: a line that is stored in parts comes as one, also where lighterman was killed
// when it had a part of it, and the last line of a container without its line feed.
func partial(s *scene) {
	s.start()
	s.begun()
	s.lighterman.Kill9(s.t)
	s.start()
	s.check(s.end())
}

// rotation: nothing is lost or comes twice where one file ends and the next begins.
func rotation(s *scene) {
	s.start()
	s.arrived(50)
	for range 3 {
		s.source.rotate(s.t)
	}
	s.check(s.end())
}

// rotationWhileAway: so it is when that happens while lighterman is away, and all those
// files are still there.
func rotationWhileAway(s *scene) {
	s.start()
	s.arrived(50)
	s.lighterman.Kill9(s.t)
	for range 2 {
		s.source.rotate(s.t)
	}
	want := s.end()
	s.start()
	s.check(want)
}

// removal: all of a container comes that was there when it was removed, and then it is let
// go.
func removal(s *scene) {
	s.start()
	s.written(50)
	want := s.end()
	s.source.kept(s, want)
	s.source.remove(s.t)
	wait.For(s.t, time.Minute, "all lines", func() bool { return len(s.sink.lines()) >= len(want) })
	wait.For(s.t, time.Minute, "the container to be let go", func() bool {
		return s.lighterman.Metrics(s.t).Sum("lighterman_targets") == 0
	})
	s.check(want)
}

// removalBeforeLoki: so it is when Loki comes only when the container is gone.
func removalBeforeLoki(s *scene) {
	s.sink.set(away)
	s.start()
	s.written(50)
	want := s.end()
	s.source.kept(s, want)
	s.source.remove(s.t)
	s.sink.set(accepts)
	s.check(want)
}

// removalWhileAway: so it is when lighterman comes back only when the container is gone.
func removalWhileAway(s *scene) {
	s.start()
	s.arrived(50)
	s.sink.set(away)
	s.written(50)
	want := s.end()
	s.source.kept(s, want)
	s.lighterman.Kill9(s.t)
	s.source.remove(s.t)
	s.sink.set(accepts)
	s.start()
	s.check(want)
}

// replay: what Loki has stored and not acknowledged is sent again as it was.
func replay(s *scene) {
	s.sink.set(swallows)
	s.start()
	wait.For(s.t, time.Minute, "lines to be stored", func() bool { return len(s.sink.lines()) > 0 })
	s.lighterman.Kill9(s.t)
	before := s.sink.again() // by the one that was killed
	s.written(50)
	s.sink.set(accepts)
	s.start()
	s.arrived(50)
	s.check(s.end())
	if s.sink.again() == before {
		s.t.Error("nothing was sent again: this has proved nothing")
	}
}

// order: lines of both streams, many of them at once, come in the order of their times.
func order(s *scene) {
	s.start()
	s.check(s.end())
}

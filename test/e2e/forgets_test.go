package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/engine"
	"github.com/lighterman/lighterman/test/ledger"
	"github.com/lighterman/lighterman/test/lokitest"
)

// TestLokiForgets: a Loki that is killed while it writes a record to its write-ahead log reads
// nothing behind that record at the start after the next one, unless it has made a checkpoint
// before. So it loses what it has accepted between the two, without a word, and nobody but
// verify notices. With the record cut off the log, as lokitest does, nothing is lost.
func TestLokiForgets(t *testing.T) {
	t.Parallel()
	for _, mended := range []bool{false, true} {
		t.Run(fmt.Sprint("mended ", mended), func(t *testing.T) {
			t.Parallel()
			testLokiForgets(t, mended)
		})
	}
}

func testLokiForgets(t *testing.T, mended bool) {
	const n = 200
	docker, loki := engine.Default(t), lokitest.New(t, nil)
	name := fmt.Sprint("forgets-", mended)
	args := ledger.Only(t, name, loki.URL, "--state-dir", t.TempDir())
	c := carrier.Start(t, args...)
	write := func(name string) *engine.Container {
		t.Helper()
		of := docker.Start(t, engine.Spec{Name: name, Args: []string{"-n", fmt.Sprint(n)}})
		loki.Await(t, ledger.Selector(of), n, time.Minute)
		return of
	}
	before := write(name + "-before")

	big := make([]byte, 150_000)
	for i := range big {
		big[i] = 'a' + byte(rand.IntN(26))
	}
	loki.Push(t, lokitest.Entry{Time: time.Now().UnixNano(), Labels: map[string]string{"service_name": "big"}, Line: string(big)})
	loki.Kill9(t)
	tear(t, filepath.Join(loki.Dir, "wal"))
	if mended {
		loki.Mend(t)
	}
	loki.Start(t)

	after := write(name + "-after")
	missing := func(code int, want int64) {
		t.Helper()
		got := verify(t, code, append(args, "--listen", c.Addr)...)
		if v := got[before.Name]; v.InLoki != n || v.Missing != 0 {
			t.Errorf("before: %s", v.counts())
		}
		if v := got[after.Name]; v.InLoki+v.Missing != n || v.Missing != want {
			t.Errorf("after: %s, want %d missing", v.counts(), want)
		}
	}
	missing(0, 0)
	loki.Stop(t)
	loki.Start(t)
	if mended {
		missing(0, 0)
	} else {
		missing(1, n)
	}
	ledger.Clean(t, c)
}

// tear cuts the end off the last segment of a write-ahead log: of a record that is written page
// by page the first ones are there.
func tear(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no write-ahead log: %v", err)
	}
	last := segments[len(segments)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-70_000); err != nil {
		t.Fatal(err)
	}
}

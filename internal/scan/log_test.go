package scan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/lighterman/lighterman/internal/journal"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/test/journald"
	"github.com/lighterman/lighterman/test/wait"
)

// TestJournalEntryInTheMaking: an entry of the journal that cannot be read at once is waited for,
// and what is behind it is not left out.
func TestJournalEntryInTheMaking(t *testing.T) {
	d := journald.Start(t)
	const id, n = "00000000000000000000000000000000000000000000000000000000000000aa", 20
	c := d.Container(t, id)
	for k := range n {
		c.Line("stdout", fmt.Sprintf("line %d of it", k))
	}
	j := journal.New(journal.Config{Dirs: d.Dirs(), Log: slog.New(slog.DiscardHandler)})
	defer j.Close()
	look := func(part func()) (lines int) {
		t.Helper()
		l := &Log{Host: &Host{Journal: j}, Container: &logs.Container{ID: id}, Route: logs.Route{Kind: logs.Journal}, Tell: Told{Part: func(int64) error { part(); return nil }}}
		if err := l.Entries(t.Context(), func(logs.Entry) { lines++ }); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	wait.For(t, time.Minute, "the entries to be there", func() bool { return look(func() {}) == n })
	d.Kill9(t)
	whole := damage(t, d.Files(t), "line 19 of it")
	if lines := look(whole); lines != n {
		t.Errorf("%d lines of %d", lines, n)
	}
}

// damage makes the data of a text unreadable, until the function is called that it returns.
func damage(t *testing.T, files []string, text string) (whole func()) {
	t.Helper()
	text = "MESSAGE=" + text
	for _, name := range files {
		all, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(all, []byte(text))
		for _, header := range []int{64, 72} { // of a data object, whose type and size come first
			from := at - header
			if at < 0 || all[from] != 1 || binary.LittleEndian.Uint64(all[from+8:]) != uint64(header+len(text)) {
				continue
			}
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			be := func(kind byte) {
				if _, err := f.WriteAt([]byte{kind}, int64(from)); err != nil {
					t.Fatal(err)
				}
			}
			be(99)
			return func() { be(1) }
		}
	}
	t.Fatal("the text is in no file")
	return nil
}

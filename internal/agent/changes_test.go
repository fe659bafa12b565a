package agent

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lighterman/lighterman/internal/watch"
)

// TestChanges: another content is told of, by whatever way it comes, and nothing else.
func TestChanges(t *testing.T) {
	for name, watched := range map[string]bool{"watched": true, "looked at": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "lm.yaml")
			write := func(name, text string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			rename := func(from, to string) {
				t.Helper()
				if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
					t.Fatal(err)
				}
			}
			write("lm.yaml", "one")
			var watcher *watch.Watcher
			ctx, cancel := context.WithCancel(t.Context())
			var group errgroup.Group
			defer func() { cancel(); _ = group.Wait() }()
			if watched {
				var err error
				if watcher, err = watch.New(); err != nil {
					t.Fatal(err)
				}
				group.Go(func() error { return watcher.Run(ctx) })
			}
			c := newChanges(file)
			group.Go(func() error { c.run(ctx, watcher); return nil })
			told := func(what string) {
				t.Helper()
				select {
				case <-c.told:
				case <-time.After(time.Minute):
					t.Fatalf("%s is not told of", what)
				}
			}
			told("what is there at first")
			write("new", "two")
			rename("new", "lm.yaml")
			told("a file renamed over")
			write("lm.yaml", "three")
			told("a file written in place")
			write("lm.yaml", "\n")
			write("new", "three")
			rename("new", "lm.yaml") // the same: the next that is told of is another
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			for _, version := range []string{"..1", "..2"} {
				if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
					t.Fatal(err)
				}
				write(filepath.Join(version, "lm.yaml"), "of "+version)
			}
			if err := os.Symlink("..1", filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("..data/lm.yaml", file); err != nil {
				t.Fatal(err)
			}
			told("a link in its place")
			if err := os.Symlink("..2", filepath.Join(dir, "..tmp")); err != nil {
				t.Fatal(err)
			}
			rename("..tmp", "..data")
			told("a link that leads elsewhere")
			select {
			case <-c.told:
				t.Error("told of twice")
			default:
			}
		})
	}
}

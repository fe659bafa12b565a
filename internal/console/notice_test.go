package console

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
)

// TestNoticeWaits: a notice does not stand within a batch, comes right after it, and waits
// no longer than there is somebody who reads.
func TestNoticeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		sink := New(&out, Options{})
		n := NewNotices(&out, Never, sink)
		n.beside = sink // as on a terminal
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			n.Run(ctx)
		}()
		wants := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := out.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		sink.begin(ctx)
		n.Tell(0, "+ web")
		wants("")
		sink.end()
		wants("+ web\n")
		sink.begin(ctx)
		n.Tell(0, "- web")
		synctest.Wait()
		cancel()
		<-ended
		wants("+ web\n")
	})
}

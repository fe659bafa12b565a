package torture

import (
	"strings"
	"sync"
	"time"

	"github.com/lighterman/lighterman/test/push"
)

// accepted is what Loki has said it has: the entries of each push that it answered with 204,
// by their keys, with the time of the answer.
type accepted struct {
	mu sync.Mutex // guards at
	at map[uint64]time.Time
}

// push notes the body of a push that Loki has accepted.
func (a *accepted) push(body []byte) {
	entries, err := push.Decode(body)
	if err != nil {
		return
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil {
		a.at = make(map[uint64]time.Time)
	}
	for _, e := range entries {
		stream := "stdout"
		if strings.Contains(e.Labels, `stream="stderr"`) {
			stream = "stderr"
		}
		a.at[key(stream, e.Nanos, e.Line)] = now
	}
}

// when returns when Loki has accepted a line; zero if it has not.
func (a *accepted) when(l line) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at[l.key]
}

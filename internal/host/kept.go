package host

import (
	"sync/atomic"

	"github.com/lighterman/lighterman/internal/docker"
)

// kept says which labels of containers are kept in memory. With other rules it says so of
// those that the ones before ask for as well: they decide until each container was inspected
// again.
type kept struct{ now, before atomic.Pointer[docker.Keep] }

func keepFor(keep docker.Keep) *kept {
	k := &kept{}
	k.now.Store(&keep)
	return k
}

// change is called before other rules decide.
func (k *kept) change(keep docker.Keep) {
	k.before.Store(k.now.Load())
	k.now.Store(&keep)
}

// uses is a docker.Keep.
func (k *kept) uses(label string) bool {
	before := k.before.Load()
	return (*k.now.Load())(label) || before != nil && (*before)(label)
}

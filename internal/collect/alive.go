package collect

import (
	"fmt"
	"time"
)

// AliveTimeout is how long the loop of Run may be busy and still count as alive. It opens
// the files of thousands of containers in a second or two.
const AliveTimeout = 20 * time.Second

// Alive returns an error when Run's loop, which starts and stops sources, does not go
// round for as long as patience. It may be called from any goroutine.
func (c *Collector) Alive(patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case c.asked <- struct{}{}:
	case <-c.over:
	case <-timer.C:
		return fmt.Errorf("it has not looked after its containers for %v", patience)
	}
	return nil
}

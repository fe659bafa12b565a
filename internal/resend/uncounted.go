package resend

import "time"

// uncounted is for what is sent again, of which nobody asks for counts.
type uncounted struct{}

// Lines implements producer.Metrics.
func (uncounted) Lines(string, int, int) {}

// Dropped implements producer.Metrics.
func (uncounted) Dropped(string, int) {}

// Joined implements producer.Metrics.
func (uncounted) Joined(int) {}

// Pushed implements dispatch.Metrics.
func (uncounted) Pushed(string, time.Duration, int) {}

// Retried implements dispatch.Metrics.
func (uncounted) Retried(string) {}

// Delivered implements dispatch.Metrics.
func (uncounted) Delivered(time.Duration, int, bool) {}

// Rejected implements dispatch.Metrics.
func (uncounted) Rejected(string, int) {}

// StreamsRejected implements dispatch.Metrics.
func (uncounted) StreamsRejected(int) {}

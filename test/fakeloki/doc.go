// Package fakeloki stands in for Loki where a test needs answers that a real one does
// not give on demand. What Loki itself does is tested with the real one, in lokitest.
package fakeloki

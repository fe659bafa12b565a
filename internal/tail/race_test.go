//go:build race

package tail

// raced tells that the race detector makes everything slow.
const raced = true

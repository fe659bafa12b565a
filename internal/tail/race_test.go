//go:build race

package tail

// raced reports whether the race detector makes everything slow.
const raced = true

//go:build race

package page

// raced reports whether the race detector makes everything slow.
const raced = true

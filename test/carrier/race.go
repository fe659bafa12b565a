//go:build race

package carrier

// buildArgs makes a program that reports races when the test does.
var buildArgs = []string{"-race"}

const cgo = true

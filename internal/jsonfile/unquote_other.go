//go:build !amd64

package jsonfile

// vectors tells that there is an unquoteVector for the processor.
const vectors = false

func unquoteVector(_, _ *byte, _ int) (written, read int, high, low uint64) { panic("never called") }

func lookVector(_ *byte, _ int) (low, high uint64) { panic("never called") }

package jsonfile

import "golang.org/x/sys/cpu"

// vectors tells that the processor has what unquoteVector needs: Intel's of 2019 and
// later, AMD's of 2022 and later.
var vectors = cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

// unquoteVector copies the n bytes at src to dst without the backslashes before
// quotes, up to a quote without backslash, a backslash before anything else, or the
// end. It returns how many bytes it has written and read, anything but 0 for high if one
// of them is no ASCII, and for low if one of them, or of the 64 that follow, is a
// control byte. dst must have room for 64 bytes more than n.
//
//go:noescape
func unquoteVector(dst, src *byte, n int) (written, read int, high, low uint64)

// lookVector returns anything but 0 for low if one of the n bytes at src is a control
// byte, and for high if one of them is no ASCII.
//
//go:noescape
func lookVector(src *byte, n int) (low, high uint64)

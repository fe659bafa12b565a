package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// release is the version that the linker sets: -ldflags "-X main.release=…".
var release string

// version returns the version of this binary: what the linker was told, or
// what the go command knows of module and repository.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// versionCommand prints the version of the binary and of what it is made with.
func versionCommand(_ context.Context, args, _ []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		_, _ = fmt.Fprintln(stderr, "lighterman version takes no arguments")
		return exitUsage
	}
	return printed(stdout, stderr, fmt.Sprintf("lighterman %s (%s, %s/%s)\n",
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
}

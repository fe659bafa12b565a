package archtest

import (
	"go/types"
	"slices"
	"strings"
)

// pure are functions of packages that otherwise wait.
var pure = map[string][]string{
	"os":                    {"Getenv", "LookupEnv", "Getpid", "NewFile", "IsNotExist", "Fd", "Name", "Environ", "Getuid", "Geteuid", "DirFS", "IsExist", "Error", "IsDir", "Size", "Mode", "ModTime", "Is", "Unwrap", "Sys"},
	"golang.org/x/sys/unix": {"Nano", "Major", "Minor", "Mkdev", "ByteSliceToString", "Signal", "Unix"},
	"net":                   {"ParseIP", "ParseCIDR", "JoinHostPort", "SplitHostPort", "String", "Contains", "IsLoopback", "Network", "Addr", "RemoteAddr", "LocalAddr", "CIDRMask", "To4"},
	"net/http":              {"Get", "Set", "Add", "Del", "Header", "Cookie", "StatusText", "PathValue", "Clone", "Context", "UserAgent", "BasicAuth", "Values", "SetBasicAuth", "WithContext"},
}

// waits returns what is waited for in a function of somebody else's; empty when nothing is.
func waits(f *types.Func) effect {
	path, name := f.Pkg().Path(), f.Name()
	full := effect(f.FullName())
	switch path {
	case "os", "syscall", "golang.org/x/sys/unix", "net", "net/http", "crypto/tls":
		if !slices.Contains(pure[path], name) {
			return full
		}
	case "os/exec", "io/fs", "io", "bufio", "compress/gzip", "log", "log/slog":
		if path == "log/slog" && !slices.Contains([]string{"Debug", "Info", "Warn", "Error", "Log", "LogAttrs"}, name) {
			return ""
		}
		if path == "io/fs" && !slices.Contains([]string{"ReadDir", "WalkDir", "ReadFile", "Stat", "Open", "Info", "Glob"}, name) {
			return ""
		}
		if path == "io" && strings.HasPrefix(name, "New") || path == "bufio" && strings.HasPrefix(name, "New") {
			return ""
		}
		return full
	case "path/filepath":
		if slices.Contains([]string{"Glob", "Walk", "WalkDir", "EvalSymlinks", "Abs"}, name) {
			return full
		}
	case "time":
		if name == "Sleep" {
			return full
		}
	case "sync":
		if name == "Wait" || name == "Do" {
			return full
		}
	}
	if strings.Contains(path, "moby") && (strings.Contains(path, "/client")) {
		return full
	}
	return ""
}

package plain

import (
	"strconv"
	"strings"
)

// ID is that of a file which was found at a path.
func ID(path string, inode uint64, made int64) string {
	return path + "#" + strconv.FormatUint(inode, 16) + "." + strconv.FormatInt(made, 16)
}

// CopyID is that of the copy of a file which has what it held before it was truncated, given
// how often it had been before: whatever the copy is called, and whatever has become of it.
func CopyID(id string, epoch uint64) string { return id + "~" + strconv.FormatUint(epoch, 16) }

// leftMark ends the ID of what is known of a file that is gone.
const leftMark = "~"

// LeftID is that of what is known of a file that is gone, until it has been looked for copies of it.
func LeftID(id string) string { return id + leftMark }

// IsLeft reports whether an ID is one of LeftID.
func IsLeft(id string) bool { return strings.HasSuffix(id, leftMark) }

// WasLeft returns the ID of the file that is gone; empty where id is not of LeftID.
func WasLeft(id string) string {
	before, is := strings.CutSuffix(id, leftMark)
	if !is {
		return ""
	}
	return before
}

// ParseID takes an ID apart; not ok where it is none. That of a copy says nothing of its inode.
func ParseID(id string) (path string, inode uint64, made int64, ok bool) {
	at := strings.LastIndexByte(id, '#')
	if at <= 0 || id[0] != '/' {
		return "", 0, 0, false
	}
	facts, _, copied := strings.Cut(id[at+1:], "~")
	first, second, found := strings.Cut(facts, ".")
	inode, err := strconv.ParseUint(first, 16, 64)
	made, other := strconv.ParseInt(second, 16, 64)
	if copied {
		inode, made = 0, 0
	}
	return id[:at], inode, made, found && err == nil && other == nil
}

package plain

import (
	"strconv"
	"strings"
)

// ID is that of a file which was found at a path.
func ID(path string, inode uint64, made int64) string {
	return path + "#" + strconv.FormatUint(inode, 16) + "." + strconv.FormatInt(made, 16)
}

// ParseID takes an ID apart; not ok where it is none.
func ParseID(id string) (path string, inode uint64, made int64, ok bool) {
	at := strings.LastIndexByte(id, '#')
	if at <= 0 || id[0] != '/' {
		return "", 0, 0, false
	}
	first, second, found := strings.Cut(id[at+1:], ".")
	inode, err := strconv.ParseUint(first, 16, 64)
	made, other := strconv.ParseInt(second, 16, 64)
	return id[:at], inode, made, found && err == nil && other == nil
}

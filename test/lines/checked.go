package lines

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Checked returns a line that proves itself: it names its container, the run of
// it and its number, and has a checksum over all that. It has size bytes, or as
// many as that takes. A line that would be too short for it is a row of x, which
// proves nothing.
func Checked(tag string, run int64, k, size int) string {
	if size < checkedMin {
		return strings.Repeat("x", size)
	}
	head := fmt.Sprintf("%s %x %d ", tag, run, k)
	fill := filler(k, size-len(head)-9)
	return fmt.Sprintf("%s%08x %s", head, crc32.ChecksumIEEE([]byte(head+fill)), fill)
}

// checkedMin is the size in bytes below which a line has no room for a checksum.
const checkedMin = 24

// filler returns text with some of what json-file escapes.
func filler(k, size int) string {
	const alphabet = `abcdefghijklmnopqrstuvwxyz "quoted" <b> a&b \ 0123456789` + "\t"
	var b strings.Builder
	for i := range max(0, size) {
		b.WriteByte(alphabet[(i+i/59+k)%len(alphabet)])
	}
	return b.String()
}

// ReadChecked returns who a line of Checked is: tag, run and number as one text.
// It is not ok when the checksum is wrong or there is none.
func ReadChecked(line string) (who string, ok bool) {
	parts := strings.SplitN(line, " ", 5)
	if len(parts) < 5 {
		return "", false
	}
	who = strings.Join(parts[:3], " ")
	return who, fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(who+" "+parts[4]))) == parts[3]
}

// Bare tells that a line is one of those that Checked had no room to prove.
func Bare(line string) bool { return len(line) < checkedMin && strings.Trim(line, "x") == "" }

// Begun tells that a line is the beginning of one of Checked's, cut off somewhere
// after its checksum, and returns who it is.
func Begun(line string) (who string, ok bool) {
	parts := strings.SplitN(line, " ", 5)
	if len(parts) < 5 {
		return "", false
	}
	k, err := strconv.Atoi(parts[2])
	return strings.Join(parts[:3], " "), err == nil && k >= 0 && parts[4] == filler(k, len(parts[4]))
}

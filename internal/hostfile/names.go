package hostfile

import (
	"regexp"
	"strings"
)

// suffix is what rotation puts behind a name, or before its extension: a number, a date, or
// a word. A date has six digits at least.
var suffix = regexp.MustCompile(`^(.+?)(\.[0-9]{1,4}|[-._][0-9]{4}[-0-9T:_.]{2,}|\.old|\.prev)$`)

// extension is what stands behind a date where logrotate's extension is used.
var extension = regexp.MustCompile(`^(.+)(\.[A-Za-z][A-Za-z0-9]*)$`)

const gzipSuffix = ".gz"

// stems are the names that a file may have had before rotation; none where its name does not
// look like that.
func stems(name string) (out []string) {
	name = strings.TrimSuffix(name, gzipSuffix)
	if m := suffix.FindStringSubmatch(name); m != nil {
		out = append(out, m[1])
	}
	if e := extension.FindStringSubmatch(name); e != nil {
		if m := suffix.FindStringSubmatch(e[1]); m != nil {
			out = append(out, m[1]+e[2])
		}
	}
	return out
}

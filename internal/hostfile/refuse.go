package hostfile

import (
	"regexp"
	"strings"

	"github.com/lighterman/lighterman/internal/plain"
)

// dockers are the paths of logs that Docker has written, whatever its data root is.
var dockers = regexp.MustCompile(`/containers/[0-9a-f]{64}/([0-9a-f]{64}-json\.log|local-logs/container\.log|container-cached\.log)[^/]*$`)

// packed are endings of what would have to be unpacked by what we have not.
var packed = []string{".xz", ".bz2", ".zst", ".lz4", ".Z", ".zip", ".tar", ".tgz"}

// private is what a mode has that lets others than the owner read.
const others = 0o044

// refusalOf is refusal for a file that was found. One that has only a rotated name is read as what
// it was before would be.
func (l *look) refusalOf(f *found) string {
	pattern := f.glob.pattern
	if !f.named {
		pattern = l.globs[f.name].pattern
	}
	return l.finder.refusal(f.path, pattern, f.facts)
}

// refusal says why a file is not read that a glob names; empty for one that is.
func (f *Finder) refusal(path, pattern string, facts plain.Facts) string {
	switch {
	case !facts.Regular():
		return "it is not a regular file"
	case dockers.MatchString(path):
		return "it is the log of a container, which is collected as such: it would be sent twice; leave it out of the globs"
	case strings.HasSuffix(path, ".journal") || strings.HasSuffix(path, ".journal~"):
		return "it is a file of systemd's journal, which is not text"
	case f.config.Own != "" && strings.HasPrefix(path, f.config.Own+"/"):
		return "it is lighterman's own"
	case facts.Mode&others == 0 && !ends(pattern):
		return "only its owner may read it, and the glob does not say what it is called: name it, or its ending, as in *.log"
	}
	for _, end := range packed {
		if strings.HasSuffix(path, end) {
			return "it is compressed with something else than gzip"
		}
	}
	return ""
}

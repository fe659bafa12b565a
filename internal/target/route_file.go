package target

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/lighterman/lighterman/internal/beneath"
	"github.com/lighterman/lighterman/internal/jsonfile"
	"github.com/lighterman/lighterman/internal/locallog"
	"github.com/lighterman/lighterman/internal/logs"
)

// file is where a container's log lies, as seen from here. The engine's own
// LogPath does not help: it is another path within a container, and there is one
// for json-file only.
type file struct {
	// name is what the file is called in reasons.
	name string
	// dir is the container's directory, and refused why it must not be looked into.
	dir     string
	refused error
	path    string
	format  logs.FileFormat
	// expected reports whether the driver has such a file. Of other drivers one is
	// read if it is there.
	expected bool
	// limits says what is not in it although the container wrote it.
	limits string
}

// dir returns a container's directory. A data root may be reached over links; where one of
// them must not be followed, refused says so.
func (p Policy) dir(c *logs.Container) (dir string, refused error) {
	containers := filepath.Join(p.Root, "containers")
	resolved, err := beneath.Resolve(containers)
	switch {
	case err == nil:
		containers = resolved
	case !errors.Is(err, fs.ErrNotExist):
		refused = err
	}
	return filepath.Join(containers, c.ID), refused
}

func (p Policy) file(c *logs.Container) file {
	dir, refused := p.dir(c)
	f := file{dir: dir, refused: refused}
	switch c.Driver {
	case "json-file":
		f.name, f.path, f.expected = "json-file log", filepath.Join(dir, c.ID+"-json.log"), true
	case "local":
		f.name, f.path, f.format, f.expected = "local log", filepath.Join(dir, "local-logs", "container.log"), logs.Frames, true
	default:
		f.name, f.path, f.format = fmt.Sprintf("cache of log driver %q", c.Driver), filepath.Join(dir, "container-cached.log"), logs.Frames
		f.expected, f.limits = cached(c.Driver), cacheLimits(c)
	}
	return f
}

// cached reports whether the engine keeps a cache for a driver, as it does for those
// of its own that cannot be read back. A plugin may be able to; and journald has a
// cache only where the engine was built without reading it.
func cached(driver string) bool {
	switch driver {
	case "syslog", "gelf", "fluentd", "awslogs", "gcplogs", "splunk", "logentries":
		return true
	}
	return false
}

// cacheLimits says what the engine leaves out of a container's cache. Its size
// cannot be set: the options for that are taken and ignored.
func cacheLimits(c *logs.Container) string {
	limits := "; the engine keeps at most 5 files of 20 MiB there, and only what the driver has taken"
	if c.DriverOptions["mode"] != "blocking" {
		limits += ", and drops lines in front of it when a buffer of 1 MB is full (mode=blocking prevents that)"
	}
	return limits
}

// probe reports whether a log file can be read and is not of another format than its driver
// says: other engines report "json-file" for files of their own. Where that is not sure
// the file is read: what is no record there is counted and passed over, and one behind it
// would be lost otherwise.
func probe(f file) error {
	if f.refused != nil {
		return f.refused
	}
	content, _, err := beneath.OpenRegular(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	for size := shortHead; ; size = longHead {
		head := make([]byte, size)
		n, _ := content.ReadAt(head, 0) // what cannot be read is said when the log is
		head = head[:n]
		if holds(f.format, head) {
			return nil
		}
		if n < size || size == longHead {
			return foreign(f.format, head)
		}
	}
}

// shortHead is how much of a file shows nearly always that it has a record, in bytes, and
// longHead how much is looked at otherwise: more than Docker's longest record of a
// json-file, of which the file may begin within one.
const (
	shortHead = 4 << 10
	longHead  = 256 << 10
)

// holds reports whether there is a whole record of a format in the beginning of a file.
func holds(format logs.FileFormat, head []byte) bool {
	if format == logs.Frames {
		n, ok := locallog.Next(head, true)
		return ok && n < len(head)
	}
	var d jsonfile.Decoder
	var r logs.Record
	_, _, ok := d.Find(bytes.Clone(head), &r)
	return ok
}

// foreign says which other format a file is of, if it surely is.
func foreign(format logs.FileFormat, head []byte) error {
	name, other, otherName := "Docker's json-file format", logs.Frames, "that of Docker's local driver"
	if format == logs.Frames {
		name, other, otherName = "the format of Docker's local driver", logs.JSONLines, "that of json-file"
	}
	switch {
	case cri.Match(head):
		otherName = "that of CRI, as Podman and Kubernetes write it"
	case other == logs.JSONLines && bytes.HasPrefix(head, []byte(`{"log":"`)):
	case !holds(other, head):
		return nil
	}
	return fmt.Errorf("the file does not hold %s, but %s", name, otherName)
}

// cri is a line of the format that Podman and Kubernetes write: a time, a stream, whether
// the line goes on, and the text.
var cri = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) (stdout|stderr) [FP](:[^ ]*)?( |$)`)

package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/lighterman/lighterman/internal/logs"
)

// file is where a container's log lies, as seen from here. The engine's own
// LogPath does not help: it is another path within a container, and there is one
// for json-file only.
type file struct {
	// name is what the file is called in reasons.
	name   string
	path   string
	format logs.FileFormat
	// expected tells that the driver has such a file. Of other drivers one is
	// read if it is there.
	expected bool
	// limits says what is not in it although the container wrote it.
	limits string
}

func (p Policy) dir(c *logs.Container) string { return filepath.Join(p.Root, "containers", c.ID) }

func (p Policy) file(c *logs.Container) file {
	dir := p.dir(c)
	switch c.Driver {
	case "json-file":
		return file{name: "json-file log", path: filepath.Join(dir, c.ID+"-json.log"), expected: true}
	case "local":
		return file{name: "local log", path: filepath.Join(dir, "local-logs", "container.log"), format: logs.Frames, expected: true}
	}
	return file{
		name: fmt.Sprintf("cache of log driver %q", c.Driver), path: filepath.Join(dir, "container-cached.log"),
		format: logs.Frames, expected: cached(c.Driver), limits: cacheLimits(c),
	}
}

// cached tells whether the engine keeps a cache for a driver, as it does for those
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

// probe tells whether a log file can be read and is what its driver says: other
// engines report "json-file" for files of their own format.
func probe(f file) error {
	content, err := openRegular(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	var head [headSize]byte
	n, _ := content.Read(head[:])
	switch {
	case f.format == logs.JSONLines && !isJSON(head[:n]):
		return errors.New("the file does not hold Docker's json-file format")
	case f.format == logs.Frames && !isFrame(head[:n]):
		return errors.New("the file does not hold the format of Docker's local driver")
	}
	return nil
}

// headSize is how much of a file tells its format: in frames a length, and the
// first byte of the entry.
const headSize = 5

// isJSON and isFrame take zeros, which are what truncation from outside leaves.
func isJSON(head []byte) bool { return len(head) == 0 || head[0] == '{' || head[0] == 0 }

func isFrame(head []byte) bool {
	if len(head) < headSize || binary.BigEndian.Uint32(head) == 0 {
		return len(head) == 0 || head[0] == 0
	}
	return head[0] == 0 && head[headSize-1] == 0x0a
}

package logs

import "time"

// Stream is the output of a container that a line was written to.
type Stream uint8

// The two outputs of a container. A TTY container has only Stdout.
const (
	Stdout Stream = iota
	Stderr
)

// Streams is the number of outputs; arrays indexed by Stream have this length.
const Streams = 2

// String returns the name Docker uses for the stream.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// Container is what the engine reports of one container. Values are immutable
// once published: a change makes a new Container.
type Container struct {
	// ID is the full, 64 hexadecimal digits long container ID.
	ID string
	// Name is the container's name without the leading slash.
	Name string
	// Image is the reference the user gave, not the image's digest.
	Image string
	// Labels are the container's labels.
	Labels map[string]string
	// TTY tells that the container has a terminal: one stream, CR LF line ends.
	TTY bool
	// Driver is the name of the log driver: "json-file", "local", …
	Driver string
	// DriverOptions are the log driver's options, daemon defaults included.
	DriverOptions map[string]string
	// Network is how others reach the container.
	Network Network
	// Running tells that the container's process exists, paused or not.
	Running bool
	// StartedAt identifies the present or the last run; zero when the
	// container was never started.
	StartedAt time.Time
	// AsOf is the time for which the state holds: when the engine was asked, before
	// it answered, or when it wrote the state down; zero when that is not known.
	AsOf time.Time
	// Problem says what is wrong with what is known of the container, or nothing.
	Problem string
	// Partial tells that not all is known that the engine knows: the name may be the
	// short ID, labels may be missing, and the driver is a guess.
	Partial bool
	// Path is where a file of the host is now, and empty of a container.
	Path string
}

// Over reports whether the container has run and does not.
func (c *Container) Over() bool { return !c.Running && !c.StartedAt.IsZero() }

// Network is how others reach a container, as far as the engine says so of the container
// itself.
type Network struct {
	// Mode is the network mode: "bridge", "host", "container:ID", a network's name, …
	Mode string
	// Attached are the networks the container is in, by name. Ports are its TCP ports, the
	// lowest first.
	Attached []Attachment
	Ports    []Port
}

// Attachment is a network that a container is in.
type Attachment struct {
	Name, ID string
	// IP is the container's address there; empty while the container does not run.
	IP string
}

// Port is a TCP port of a container, and where it is published; Public and PublicIP are
// empty where it is not.
type Port struct{ Private, Public, PublicIP string }

// RouteKind is how a container's log is read.
type RouteKind uint8

// The routes.
const (
	Unreadable RouteKind = iota
	File
	API
	Journal
	// HostFile is a file of the host, which is no container's.
	HostFile
	// HostJournal is the journal of the host, but for what containers log to it.
	HostJournal
)

// String returns the word used in logs, metrics and on the status page.
func (k RouteKind) String() string {
	switch k {
	case File:
		return "file"
	case API:
		return "api"
	case Journal:
		return "journal"
	case HostFile:
		return "host-file"
	case HostJournal:
		return "host-journal"
	default:
		return "unreadable"
	}
}

// FileFormat is how the records of a log lie in its files.
type FileFormat uint8

// The formats.
const (
	// JSONLines is that of the json-file driver.
	JSONLines FileFormat = iota
	// Frames is that of the local driver, and of the cache that the engine keeps
	// for drivers that it cannot read back.
	Frames
)

// Route is how a container's log is read, and why.
type Route struct {
	Kind RouteKind
	// Reason says in words why this route was chosen.
	Reason string
	// Path is the live log file; only for File, and where Deleted.
	Path string
	// Format is that of the file.
	Format FileFormat
	// Fallback tells that the file, or the journal, would have been chosen had it been
	// readable: such a container is probed again.
	Fallback bool
	// Deleted tells that the live file was deleted although its container runs, and that
	// nothing else is left of the log, unless it is held.
	Deleted bool
	// Missing tells that the live file is not there although its container runs: deleted, or
	// in the middle of a rotation, when it is missing for a moment.
	Missing bool
}

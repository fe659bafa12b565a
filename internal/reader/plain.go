package reader

import (
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/plain"
	"github.com/lighterman/lighterman/internal/tail"
)

// plainLog makes a file of the host be read as a container's log is.
type plainLog struct{ *plain.Log }

// Read implements pulled.
func (l plainLog) Read(buf *tail.Buffer, emit func(logs.Entry)) (tail.Progress, error) {
	p, err := l.Log.Read(buf.Size(), buf.Bytes, emit)
	return tail.Progress{Bytes: p.Bytes, More: p.More, Full: p.Full}, err
}

// Flush implements pulled.
func (l plainLog) Flush(emit func(logs.Entry)) (more bool) {
	l.Log.Flush(emit)
	return false
}

// OpenPlain makes a source of a file of the host. It is read from Begin on, and opened when
// there is something to read.
func (r *Reader) OpenPlain(start Start, config plain.Config) *Source {
	s := r.newSource(start)
	s.kind = logs.HostFile
	s.plain = plain.Open(config)
	s.log = plainLog{s.plain}
	s.sleep = s.watchFile
	s.shared.opened.Store(true)
	s.move(config.Path)
	return s
}

package stage

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/lighterman/lighterman/internal/logs"
)

// State returns what a position of a stream has to carry, so that the stages go on after
// it as they would have: nothing for most pipelines. It is that behind the entry of the
// stream that was given to Process last.
func (r *Run) State(s logs.Stream) []byte {
	if len(r.windows)+len(r.fudges) == 0 {
		return nil
	}
	b := []byte{stateVersion}
	for i := range r.windows {
		w := &r.windows[i][s]
		b = binary.AppendVarint(b, w.number)
		b = binary.AppendUvarint(b, w.count)
		b = binary.AppendUvarint(b, uint64(len(w.of)))
		for _, val := range slices.Sorted(maps.Keys(w.of)) {
			b = binary.AppendUvarint(b, uint64(len(val)))
			b = append(b, val...)
			b = binary.AppendUvarint(b, w.of[val])
		}
	}
	for i := range r.fudges {
		b = binary.AppendVarint(b, r.fudges[i][s])
	}
	return b
}

const stateVersion = 1

var errState = errors.New("cannot go on with the state of stages: it is of another configuration or damaged")

// Restore takes over what State has returned, before the first line. Nothing is restored
// of what does not fit, as after a change of the configuration.
func (r *Run) Restore(s logs.Stream, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	d := decoder{b: b}
	fresh := &Run{windows: make([]window, len(r.windows)), fudges: make([]fudge, len(r.fudges))}
	if d.byte() != stateVersion {
		return errState
	}
	for i := range fresh.windows {
		w := &fresh.windows[i][s]
		w.number, w.count = d.varint(), d.uvarint()
		n := d.uvarint()
		for range n {
			val := d.text()
			count := d.uvarint()
			if d.failed || len(w.of) > 1<<20 {
				return errState
			}
			if w.of == nil {
				w.of = make(map[string]uint64)
			}
			w.of[val] = count
		}
	}
	for i := range fresh.fudges {
		fresh.fudges[i][s] = d.varint()
	}
	if d.failed || len(d.b) > 0 {
		return errState
	}
	for i := range fresh.windows {
		r.windows[i][s] = fresh.windows[i][s]
	}
	for i := range fresh.fudges {
		r.fudges[i][s] = fresh.fudges[i][s]
	}
	return nil
}

// decoder reads a state, which comes from a file.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.failed = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) took(n int) {
	if n <= 0 {
		d.failed, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	d.took(n)
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.took(n)
	return v
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.failed, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

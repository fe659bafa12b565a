package stage

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// State returns what a position of a stream has to carry, so that the stages go on after
// it as they would have: nothing for most pipelines. It is that behind the entry of the
// stream that was given to Process last.
func (r *Run) State(s logs.Stream) []byte {
	if len(r.windows)+len(r.fudges) == 0 {
		return nil
	}
	b := binary.AppendUvarint([]byte{stateVersion}, uint64(len(r.windows)))
	for i := range r.windows {
		w := &r.windows[i][s]
		b = binary.LittleEndian.AppendUint64(b, r.pipeline.windows[i])
		b = binary.AppendVarint(b, w.number)
		b = binary.AppendUvarint(b, w.count)
		b = binary.AppendUvarint(b, uint64(len(w.of)))
		for _, val := range slices.Sorted(maps.Keys(w.of)) {
			b = binary.AppendUvarint(b, uint64(len(val)))
			b = append(b, val...)
			b = binary.AppendUvarint(b, w.of[val])
		}
	}
	b = binary.AppendUvarint(b, uint64(len(r.fudges)))
	for i := range r.fudges {
		b = binary.LittleEndian.AppendUint64(b, r.pipeline.fudges[i])
		b = binary.AppendVarint(b, r.fudges[i][s])
	}
	return b
}

// remembers returns what a stage that does something is found by again, given those before
// it: two that do the same are told apart by their order.
func remembers(before []uint64, does string) uint64 {
	key := xxhash.Sum64String(does)
	for slices.Contains(before, key) {
		key++
	}
	return key
}

const stateVersion = 2

var errState = errors.New("cannot go on with the state of stages: it is of another version or damaged")

// Restore takes over what State has returned, before the first line. Each stage takes what
// was its own: after a change of the configuration those that are new begin anew, and what
// those remembered that are not there any more is forgotten. An error restores nothing.
func (r *Run) Restore(s logs.Stream, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	d := decoder{b: b}
	if d.byte() != stateVersion {
		return errState
	}
	windows, fudges := make(map[uint64]counted), make(map[uint64]int64)
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		windows[d.uint64()] = d.window()
	}
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		fudges[d.uint64()] = d.varint()
	}
	if d.failed || len(d.b) > 0 {
		return errState
	}
	for i, key := range r.pipeline.windows {
		if w, ok := windows[key]; ok {
			r.windows[i][s] = w
		}
	}
	for i, key := range r.pipeline.fudges {
		if f, ok := fudges[key]; ok {
			r.fudges[i][s] = f
		}
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

func (d *decoder) uint64() uint64 {
	if len(d.b) < 8 {
		d.failed, d.b = true, nil
		return 0
	}
	v := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}

// window reads what a limit has counted.
func (d *decoder) window() counted {
	w := counted{number: d.varint(), count: d.uvarint()}
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		if w.of == nil {
			w.of = make(map[string]uint64)
		}
		val := d.text()
		w.of[val] = d.uvarint()
	}
	return w
}

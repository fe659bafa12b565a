package output

import (
	"encoding/binary"

	"github.com/lighterman/lighterman/internal/logs"
)

// What stages remember belongs to those that were in force from one time on. A position has
// it for each of them: a version, and then their time, and what they remember after its
// length. Before there were several it began with version 1, and was of one.
const (
	memoryOfOne = 1
	memoryOfAll = 2
)

// remember puts into a position what the stages remember of the lines before it.
func (s *stages) remember(p *logs.Position) {
	for stream, all := range s.of {
		var out []byte
		for i := len(all) - 1; i >= 0; i-- { // the newest last, so that it comes first again
			of := all[i]
			if of.run == nil {
				continue
			}
			state := of.run.State(logs.Stream(stream)) //nolint:gosec // one of the streams
			if len(state) == 0 {
				continue
			}
			if out == nil {
				out = []byte{memoryOfAll}
			}
			out = binary.AppendVarint(out, of.from)
			out = binary.AppendUvarint(out, uint64(len(state)))
			out = append(out, state...)
		}
		p.Stages[stream] = out
	}
}

// restore takes over what remember has put into a position.
func (s *stages) restore(from logs.Position) {
	t, begin := s.timeline.Load(), max(from.Last, from.Latest())
	for i := range s.of {
		stream := logs.Stream(i) //nolint:gosec // one of the streams
		for _, m := range memories(from.Stages[i], s.at(begin).From) {
			in, until, ok := t.Of(m.from)
			if !ok {
				s.log.Warn("cannot use what the stages remember of earlier lines, they begin anew", "reason", "they are not known any more")
				continue
			}
			of := s.staged(stream, in.From)
			of.bind(stream, in.Pipeline, s.labels(min(max(begin, in.From), until-1)).Of(stream))
			if of.run == nil {
				continue
			}
			if err := of.run.Restore(stream, m.state); err != nil {
				s.log.Warn("cannot use what the stages remember of earlier lines, they begin anew", "reason", err)
			}
		}
	}
}

// remembered is what the stages remember that are in force from a time on.
type remembered struct {
	from  int64
	state []byte
}

// memories takes apart what remember has written, as far as it is sound. What is of one
// only is of those that are in force now.
func memories(b []byte, now int64) (all []remembered) {
	if len(b) == 0 {
		return nil
	}
	if b[0] == memoryOfOne {
		return []remembered{{now, b}}
	}
	for b = b[1:]; len(b) > 0 && len(all) < maxStaged; {
		from, n := binary.Varint(b)
		if n <= 0 {
			break
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			break
		}
		all = append(all, remembered{from, b[n : n+int(size)]}) //nolint:gosec // less than what there is
		b = b[n+int(size):]                                     //nolint:gosec // as above
	}
	return all
}

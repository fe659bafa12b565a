package tail

import (
	"errors"
	"fmt"

	"github.com/lighterman/lighterman/internal/logs"
)

// ErrNoPlace says that an offset is not where a record of a file ends.
var ErrNoPlace = errors.New("no record ends there")

// PlaceAt returns the position of an offset in a json-file log, where somebody else has
// stopped reading it.
func PlaceAt(path string, offset int64) (at logs.FilePosition, err error) {
	f, info, err := open(path)
	if err != nil {
		return at, err
	}
	defer func() { _ = f.Close() }()
	before := make([]byte, 1)
	if offset < 0 || offset > info.Size() {
		return at, fmt.Errorf("%w: the file has %d bytes, so it was rotated or truncated since", ErrNoPlace, info.Size())
	}
	if offset > 0 {
		if _, err := f.ReadAt(before, offset-1); err != nil || before[0] != '\n' {
			return at, errors.Join(ErrNoPlace, err)
		}
	}
	sum, err := fingerprint(f, formatOf(logs.JSONLines))
	if err != nil {
		return at, err
	}
	o := origin{id: identify(info), fingerprint: sum}
	o.made = madeAt(path, o.id)
	at = o.position()
	for s := range at.Offsets {
		at.Offsets[s] = offset
	}
	return at, nil
}

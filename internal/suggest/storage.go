package suggest

import (
	"fmt"
	"time"
)

// Storage is what is known of the files of a log.
type Storage struct {
	// Driver is the log driver. Prefix stands before the names of its options that count: of a
	// driver that cannot be read back those of the engine's cache. MaxSize is its max-size in bytes, 0 for none, and MaxFile its
	// max-file.
	Driver  string
	Prefix  string
	MaxSize int64
	MaxFile int
	// Files is how many files there are, Bytes their size as it would be uncompressed.
	Files int
	Bytes int64
	// Oldest is the time of the oldest record in Unix nanoseconds, 0 where it is not known.
	Oldest int64
}

// leastSpan is how long a log must have been written for its rate to be taken for what is usual,
// where it is not half full yet, and leastMonth the same for one that never is.
const (
	leastSpan  = time.Minute
	leastMonth = time.Hour
)

// findings says what the log options do to the log, whose newest line is of a time.
func (s Storage) findings(newest int64) []Finding {
	span := time.Duration(newest - s.Oldest)
	if s.Oldest == 0 || span <= 0 || s.Bytes == 0 {
		return nil
	}
	if s.MaxSize <= 0 {
		return s.growth(span)
	}
	room := s.MaxSize * int64(max(s.MaxFile, 1))
	kept := time.Duration(float64(span) * float64(room) / float64(s.Bytes))
	full := s.Files > 1 && s.Files >= s.MaxFile
	switch {
	case full:
		kept = span
	case s.Bytes < room/4, span < leastSpan && s.Bytes < room/2:
		return nil
	}
	if kept >= shortLived {
		return nil
	}
	what := "Docker keeps %s of this log (%[2]smax-size %[3]s, %[2]smax-file %[4]d)"
	if !full {
		what = "at the rate at which it was written, " + what
	}
	if s.MaxFile <= 1 {
		what += ", and at each rotation nothing"
	}
	return []Finding{{
		Kind: Rotation, Names: []string{s.Prefix + "max-size", s.Prefix + "max-file"},
		Text: fmt.Sprintf(what, length(kept), s.Prefix, decimalSize(s.MaxSize), max(s.MaxFile, 1)) +
			": what is written while lighterman does not run is lost after that. " +
			fmt.Sprintf("With %smax-file %d it would be %s", s.Prefix, s.enough(kept), length(shortLived)),
	}}
}

// enough is how many files keep a log long enough.
func (s Storage) enough(kept time.Duration) int64 {
	files := int64(max(s.MaxFile, 1))
	return max(2, files*int64(shortLived)/max(int64(kept), 1)+1)
}

// growth is of a log without max-size.
func (s Storage) growth(span time.Duration) []Finding {
	const month = 30 * 24 * time.Hour
	perMonth := float64(s.Bytes) * float64(month) / float64(span)
	grows := span >= leastMonth && perMonth >= largeMonth
	if s.Driver != "json-file" || s.Bytes < largeLog && !grows {
		return nil
	}
	text := "without max-size this log is never rotated: it has " + size(s.Bytes)
	if grows {
		text += fmt.Sprintf(" and grows by %s a day", size(int64(perMonth/30)))
	}
	return []Finding{{Kind: Disk, Names: []string{"max-size"}, Text: text + ", until the disk is full. Set max-size, such as 50m, and max-file, such as 5"}}
}

// decimalSize is a size as log options have it.
func decimalSize(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e9, "g"}, {1e6, "m"}, {1e3, "k"}} {
		if n >= unit.size && n%unit.size == 0 {
			return fmt.Sprintf("%d%s", n/unit.size, unit.name)
		}
	}
	return fmt.Sprint(n)
}

package plain

import (
	"errors"
	"io/fs"

	"github.com/cespare/xxhash/v2"

	"github.com/lighterman/lighterman/internal/logs"
)

// What tells which file it is that is read: whether it is open, was truncated, or is at its end.

// ready opens the file, if it is not and there is something to read.
func (l *Log) ready(emit func(logs.Entry)) (bool, error) {
	if l.disk.file != nil {
		return true, nil
	}
	facts, err := Look(l.where.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case l.unchanged(facts) && (l.asleep(facts) || l.resume == nil):
		return false, nil
	}
	return l.open(emit)
}

// unchanged reports whether what has the file's name is the file, as it was when it was
// looked at last, and all of it is read.
func (l *Log) unchanged(facts Facts) bool {
	inode, made := l.where.facts.Inode, l.where.facts.Made
	if l.resume != nil {
		inode, made = l.resume.File.Inode, l.resume.File.Made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return facts.Is(inode, made) && facts.Size == l.disk.size && len(l.foreseen.plan) == 0
}

// asleep reports whether a file was not written to for long.
func (l *Log) asleep(facts Facts) bool { return l.config.Now().UnixNano()-facts.Written >= int64(idle) }

// open opens the file, if it is the one.
func (l *Log) open(emit func(logs.Entry)) (bool, error) {
	f, err := openFile(l.where.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := l.config.Budget.take(f); err != nil {
		return false, err
	}
	if l.resume == nil && f.facts.Is(l.where.facts.Inode, l.where.facts.Made) {
		l.use(f)
		return true, nil // what it holds is compared when it is read
	}
	at, first := l.Position(), l.resume != nil
	own := f.facts.Is(at.File.Inode, at.File.Made) || first && f.facts.Is(l.config.Inode, l.config.Made)
	l.copied = l.config.Inode == 0 || !f.facts.Is(l.config.Inode, l.config.Made)
	head, begins := f.begins(at, l.copied)
	switch {
	case at.Plain.Head == 0 && own && l.cursor.offset == 0:
		l.resume = nil
	case begins && f.continues(at):
		l.resume, l.content.head = nil, head
		l.content.tail = make([]byte, min(l.cursor.offset, tailMost))
		_, err = f.readAt(l.content.tail, l.cursor.offset-int64(len(l.content.tail)))
	case own:
		l.use(f)
		l.beginAgain(emit)
		return true, nil
	default:
		l.where.stranger, err = f.facts, fs.ErrNotExist // another has its name
	}
	if err != nil {
		l.config.Budget.give(f)
		_ = f.Close()
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	l.use(f)
	return true, nil
}

func (l *Log) use(f *file) {
	l.where.facts = f.facts
	l.mu.Lock()
	l.disk.file, l.disk.packed = f, f.compressed
	l.mu.Unlock()
}

// beginAgain goes to the beginning of a file that was truncated.
func (l *Log) beginAgain(emit func(logs.Entry)) {
	lost := max(0, l.disk.size-l.cursor.offset)
	size, found := int64(0), false
	if l.config.Copied != nil {
		size, found = l.config.Copied(l.where.path, l.Position(), l.cursor.begun)
	}
	if found { // what was written between the copy and the truncation is in neither
		lost = min(lost, max(0, l.disk.size-size))
		if size == 0 {
			lost = 0
		}
	}
	l.config.Events.Truncated(found && lost == 0, lost)
	if l.config.Log != nil {
		l.config.Log.Info("file was truncated, reading it from its start", "offset", l.cursor.offset, "copy_found", found, "lost_bytes", lost)
	}
	l.resume = nil
	l.assemble.Flush(emit)
	l.content, l.rest, l.foreseen.spans = content{}, rest{}, nil
	l.cursor.offset, l.cursor.inLine = 0, false
	l.notSeen(0)
	l.nextEpoch()
}

// nextEpoch begins an epoch: the newest that was written down, if that is what the file holds,
// or one more.
func (l *Log) nextEpoch() {
	l.foreseen.plan, l.cursor.begun = nil, l.cursor.number
	if n := len(l.foreseen.ahead); n > 0 {
		l.cursor.epoch = l.foreseen.ahead[n-1].Epoch
		plan := planned(l.foreseen.ahead, l.cursor.epoch, 0, 0)
		if len(plan) > 0 && l.holds(plan[0]) {
			l.foreseen.plan, l.cursor.begun, l.foreseen.ahead = plan, plan[0].Number, nil
			return
		}
		if later := Later(logs.Position{Plain: logs.PlainPosition{Epoch: l.cursor.epoch - 1}}, l.foreseen.ahead); len(later) > 0 && l.config.Copied != nil {
			l.config.Copied(l.where.path, later[0], later[0].Plain.Span) // truncated once more, while nobody looked
		}
	}
	l.cursor.epoch++
	l.foreseen.ahead = nil
}

// holds reports whether the file has what a span had.
func (l *Log) holds(s logs.Span) bool {
	size := s.To - s.From
	if size <= 0 || size > spanMost || s.Time == 0 {
		return s.Time == 0
	}
	text := make([]byte, size)
	n, err := l.disk.file.readAt(text, s.From)
	return err == nil && int64(n) == size && xxhash.Sum64(text) == s.Hash
}

// AtEnd reports whether the file has been read to its end: it may be left alone until it
// changes. One that was not written to for long is closed.
func (l *Log) AtEnd() (bool, error) {
	if l.thin {
		return true, nil // it is looked at again soon
	}
	if l.disk.file == nil {
		facts, err := Look(l.where.path)
		if errors.Is(err, fs.ErrNotExist) {
			return true, nil
		}
		return err == nil && (l.unchanged(facts) || !l.mayBe(facts)), err
	}
	facts, err := l.disk.file.look()
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	// A compressed one is whole when it comes, but for the moment in which it is made.
	end := len(l.foreseen.plan) == 0 && (facts.Size == l.disk.seen || l.disk.packed && facts.Size == l.disk.size)
	l.disk.size = facts.Size
	l.mu.Unlock()
	if l.replaced = end && facts.Links == 0 && l.succeeded(); l.replaced && l.config.Now().UnixNano()-facts.Written >= int64(l.config.Silence) {
		l.replaced = false
		l.Close() // who has it open has stopped writing, and its successor has what it had
		return end, nil
	}
	if end && l.rest.size == 0 && (l.asleep(facts) || l.config.Budget.short()) {
		l.Close()
	}
	return end, nil
}

// succeeded reports whether another file has the path, which may have what the file has.
func (l *Log) succeeded() bool {
	facts, err := Look(l.where.path)
	return err == nil && !facts.Is(l.where.facts.Inode, l.where.facts.Made) && !l.where.stranger.same(facts)
}

// mayBe reports whether what has the file's name may be the file, or a copy of it.
func (l *Log) mayBe(facts Facts) bool {
	if l.resume == nil {
		return facts.Is(l.where.facts.Inode, l.where.facts.Made) || len(l.content.head) > 0 && !l.where.stranger.same(facts)
	}
	return facts.Is(l.config.Inode, l.config.Made) || l.resume.Plain.Head > 0 && !l.where.stranger.same(facts)
}

// same reports whether two looks have seen the same file as it was.
func (f Facts) same(other Facts) bool {
	return f.Inode == other.Inode && f.Made == other.Made && f.Size == other.Size && f.Written == other.Written
}

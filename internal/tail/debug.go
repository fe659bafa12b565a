package tail

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/lighterman/lighterman/internal/logs"
)

// skip counts a line that is left out by its time.
func (l *Log) skip(reason string) {
	l.skipped++
	l.events.LineSkipped(reason)
}

// logOpened says, for whoever looks for lines that are missing, where reading goes on and
// what is left out by its time.
func (l *Log) logOpened(from logs.Position, found int) {
	if l.log == nil || !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	args := []any{"files", found, "passed_over", found - len(l.files), "left_out_by_marks", l.assemble.Replaying(), "from", from, "rules_end", l.bound.offset, "rules_inode", l.bound.id.inode, "since", l.bound.since}
	for i, g := range l.files {
		args = append(args, fmt.Sprint("file", i), fmt.Sprintf("%s inode %d size %d at %d skip %v fingerprint %x", filepath.Base(g.file.Name()), g.id.inode, g.size(), g.offset, g.skip, g.fingerprint))
	}
	l.log.Debug("opened the log's files", args...)
}

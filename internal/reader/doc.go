// Package reader reads logs that are pulled, of files or of the journal: a goroutine per
// lane, a chunk at a time, in turns such that a noisy container cannot starve the others.
//
// # When files are read
//
// A log has two watches. The one on its directory stays and reports only new live files;
// the watcher's goroutine then opens what rotation has made *at once*, even while the
// reader waits for a slow Loki. The one on the file is for one event: it wakes a sleeping
// file, which is then polled in rounds (dispatch/tempo.go) while polls find something, and armed
// again after eight that do not. Polls come just before the lane's next batch can leave
// (Lane.Due), so that a line waits for one interval and not for two. So a busy file costs
// one read per interval instead of one event per line, and an idle host runs no timer.
// What cannot be watched, as there is no inotify instance or no watch left
// (fs.inotify.max_user_instances, fs.inotify.max_user_watches), is looked at once a second:
// logs, their rotation, the directories of containers and of the journal. All readers poll
// at the same moments (together in ticks.go), so a quiet host wakes up once per
// interval, whatever its lanes. A poll that finds something is one pread: whether that was
// all, and whether the file still has its name, is looked at by the poll that finds
// nothing, before the watch is armed; meanwhile the directory's watch reports rotation.
//
// # Files
//
// turns.go says which source is next: what has little first, then the smallest backlog; ticks.go when those that wait are read again;
// loop.go is the loop. source.go is what others see of a source, each part with its
// owner; state.go is what the reader's goroutine keeps of it, and decides: pure, without
// clocks. read.go reads a chunk and does what was decided.
package reader

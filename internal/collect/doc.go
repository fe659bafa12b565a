// Package collect holds the running set of sources against the desired set of
// containers: it starts, stops and switches them, schedules the readers of
// files fairly, and keeps the labels that go with every entry. The timing of
// collection lives here; the reading does not.
//
// # When files are read
//
// A log has two watches. The one on its directory stays and tells only of new live files;
// the watcher's goroutine then opens what rotation has made *at once*, even while the
// reader waits for a slow Loki. The one on the file is for one event: it wakes a sleeping
// file, which is then polled once per batch-wait while polls find something, and armed
// again after eight that do not. Polls come just before the lane's next batch can leave
// (Lane.Due), so that a line waits for one interval and not for two. So a busy file costs
// one read per interval instead of one event per line, and an idle host runs no timer.
// Where there are more logs than descriptors they take turns (collect/limited.go): one that
// is silent and delivered gives its own back, and has it again when a look at its path,
// twice a second, shows a change; streams have turns of one length. A log with more files
// than there are descriptors has the oldest open, and the next when those are read
// (tail/shortage.go). 128 descriptors, or half of a small limit, are kept for everything
// else; the numbers of descriptors show what is left (tail.Room). What cannot be watched, as there is no inotify instance or no watch left
// (fs.inotify.max_user_instances, fs.inotify.max_user_watches), is looked at once a second:
// logs, their rotation, the directories of containers and of the journal. All readers poll
// at the same moments (together in collect/reader.go), so a quiet host wakes up once per
// interval, whatever its lanes. A poll that finds something is one pread: whether that was
// all, and whether the file still has its name, is looked at by the poll that finds
// nothing, before the watch is armed; meanwhile the directory's watch tells of rotation.
//
// # Streams that are silent
//
// A stream that was silent for 10 s is doubted: the engine is asked for the end of the log,
// and a stream that has not brought it is opened again (collect/stall.go). Silent streams
// are doubted less and less often, up to every 5 minutes. One that has brought nothing yet
// is given as long as the log may be looked through for, five minutes where that has no
// bound, and twice as long each time: the engine may be looking for the place to begin,
// which takes it 20 s per GiB of a json-file log, and to open it again is to begin that
// anew. One that has spoken and goes on in silence after its container has stopped is
// opened again without a question.
//
// That search is seldom needed: a json-file log that can become large is resumed 10,000
// records before its end, then 300,000, and only then by time (collect/tails.go). That the
// place where it was left is among them is proved by the times of the records
// (stream/tail.go); where it is not, nothing of them is passed on.
package collect

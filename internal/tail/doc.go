// Package tail follows the log files of one container through rotation,
// compression, truncation and removal, and wakes its owner when there is
// something to read. It is a pull API without goroutines of its own: the owner
// of a Log calls Read, the owner of a Watcher calls Run.
package tail

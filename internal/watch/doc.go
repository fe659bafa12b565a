// Package watch wakes the owners of log files when something happens to them, by one
// instance of inotify for the whole process. The owner of a Watcher calls Run.
package watch

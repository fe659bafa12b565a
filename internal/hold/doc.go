// Package hold keeps the log files that Docker deletes until they are
// delivered: while we run by their open descriptors, within a bound of bytes
// over all logs, and beyond our own end by hard links in a directory of ours.
// It knows nothing of what is in the files.
package hold

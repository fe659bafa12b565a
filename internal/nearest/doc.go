// Package nearest finds the known name that somebody most likely meant.
package nearest

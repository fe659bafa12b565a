// Package checkpoint keeps the positions of all containers on disk: how far
// the sink has acknowledged each log, and which labels its lines carry. It
// survives a kill at any moment, with all that was flushed before, and never
// trusts a file that it cannot verify.
//
// There is one log, in two files that each suffice. A file begins with all
// records; what a push has changed is appended to both as one frame. A file
// that has grown long, or is not what was written, is replaced: the new one takes
// the name positions, and the one before is positions.previous. The numbers of
// the frames tell which file has more: Open takes that one, whatever the other is.
package checkpoint

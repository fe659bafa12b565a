// Package checkpoint keeps the positions of all containers on disk: how far
// the sink has acknowledged each log, and which labels its lines carry. It
// survives a kill at any moment, with all that was flushed before, and never
// trusts a file that it cannot verify.
package checkpoint

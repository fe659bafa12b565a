// Package locallog decodes the frames that Docker's local log driver writes,
// and the cache that the engine keeps for drivers it cannot read back. It is
// pure: bytes in, records out.
//
// A frame is the length of an entry as a big-endian 32-bit number, the entry, and
// the length again. There is nothing between frames, and nothing before the first.
// The entry is a protobuf message, that of moby's daemon/logger/internal/logdriver
// (in older engines api/types/plugins/logdriver). Unlike json-file it keeps the
// bytes that the container wrote, without their line feeds, and says of each part
// of a long line which line it belongs to.
package locallog

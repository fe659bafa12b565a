// Package floor is the least work that carrying json-files to Loki can be: read,
// split into lines, take text and time out, compress with snappy. It sends
// nothing, checks nothing, remembers nothing and knows only the very shape that
// Docker writes, on one thread. What an agent needs beyond that is its own.
package floor

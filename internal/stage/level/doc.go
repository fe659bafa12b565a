// Package level finds the level of a line, where the line has one. It knows what loggers
// write: a field of JSON or logfmt, a word in the place where a logger puts it, a letter
// or a number. A word in the middle of a sentence is none. It looks at the beginning of a
// line only, and does not allocate.
package level

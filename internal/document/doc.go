// Package document reads a YAML file strictly: what it says is what it shows, and every
// problem names the place, the path of the setting and, where there is one, the cure.
//
// Parse returns the root of a file. A Value hands out its parts one by one, as Fields, Pairs,
// Items or Text, and reports what is wrong with them on the way: aliases, anchors and tags,
// keys that are unknown or set twice, wrong types. Nodes are never decoded into Go values, so
// nothing expands. All problems of a file are gathered; Problems returns them.
//
// Whoever keeps a node to read it later calls Whole on it, which looks at all of it at once,
// and Later to read it then.
//
// Text, Quoted and Visible are for whoever writes such a file by hand, with comments in it.
package document

// Package sink stands in for Loki in benchmarks: it takes pushes as Loki does,
// in protobuf with snappy or in JSON, plain or with gzip, and keeps no line, only
// what tells whether each arrived once, unchanged, in order, and how soon.
package sink

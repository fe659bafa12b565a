// Package sink stands in for Loki in benchmarks: it takes pushes as Loki does,
// in protobuf with snappy or in JSON, plain or with gzip, and in OTLP; and for
// VictoriaLogs' vlagent lines of JSON with zstd. It keeps no line, only what tells
// whether each arrived once, unchanged, in order, and how soon. Given the maker of
// the lines, it compares each of them as it comes.
package sink

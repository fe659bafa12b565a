// Package otlptest runs a real OpenTelemetry Collector for tests, which takes OTLP over HTTP and
// writes what it gets to a file, and reads that.
package otlptest

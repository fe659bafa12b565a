// Package jsonfile decodes the lines of Docker's json-file log driver. It is
// pure: bytes in, records out.
//
// A line is one compact JSON object with the keys log, stream, attrs (only
// with labels, env or tag among the driver's options) and time, in this order;
// the format is that of moby's daemon/logger/jsonfilelog/jsonlog. Lines of
// another shape are accepted when they are valid JSON with these keys.
package jsonfile

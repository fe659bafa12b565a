// Package stamp parses timestamps of the form Docker writes, at the speed that
// one per log line needs: RFC 3339 in UTC with up to nine digits of fraction,
// trailing zeros trimmed in files and kept in the API.
package stamp

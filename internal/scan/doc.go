// Package scan reads logs of a host once, as they are now, beside a service or without one: which
// containers there are (host.go), and the entries of one log, on the route that the service would
// take (log.go). It takes no lock, and writes nothing.
package scan

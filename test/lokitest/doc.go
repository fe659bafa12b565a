// Package lokitest runs the real Loki for tests: one process, on loopback, with
// its data in a temporary directory. It asks for everything back that Loki has.
package lokitest

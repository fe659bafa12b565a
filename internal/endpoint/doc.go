// Package endpoint makes the clients of a configuration: of a Loki that is pushed to, and of Lokis
// that are read from.
package endpoint

// Package lokiproxy stands before a real Loki in tests and does to requests what
// networks, gateways and overloaded servers do.
package lokiproxy

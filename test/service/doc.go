// Package service runs a program of somebody else's for tests: a receiver or a proxy that is
// stopped, killed and started again with the same data.
package service

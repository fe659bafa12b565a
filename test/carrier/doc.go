// Package carrier runs lighterman for tests as it runs for users: the built
// program as a process of its own.
package carrier

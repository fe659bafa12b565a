// Package process tells tests what the kernel knows of a process: what it has
// read and computed, and what it holds.
package process

// Package agent puts the parts together: what runs beside what, and in which order it
// stops. It serves the commands that read logs, and those that only look.
//
// # Memory
//
// When nothing was delivered for five seconds, memory that a start or a backlog has left as
// garbage goes back to the system (internal/agent/memory.go).
package agent

// Package budget divides what a process may use: memory among held lines, batches and outputs, by
// max-memory, the control group's limit and GOMEMLIMIT; open files among logs and the listener.
//
// When nothing was delivered for five seconds, memory that a start or a backlog has left as
// garbage goes back to the system (memory.go).
package budget

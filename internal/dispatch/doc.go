// Package dispatch is the "when" of delivery: it gathers entries into batches,
// bounds the memory they take, pushes them in order, tries again for as long as
// it takes, and tells the sources what has been delivered.
package dispatch

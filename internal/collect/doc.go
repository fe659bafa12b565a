// Package collect holds the running set of sources against the desired set of
// containers: it starts, stops and switches them. What reads is in package reader, for
// files and the journal, and in package stream, for the engine's API; what they hand over
// goes through package producer.
//
// # What runs
//
// Each container has a unit. What runs of it is its phase, and what is known of its
// container is its fate; phase.go has the tables of what may follow what. Whatever happens,
// the same three steps follow (execute.go): the facts are collected (unit.situation), what to
// do is decided (plan.go, which is pure), and it is done. A source that has to go is asked to
// end; its end comes as a message (ended), and brings us here again. The loop of Run is the
// only goroutine that does any of this.
//
// # More logs than descriptors
//
// They take turns (turns.go): one that is silent and delivered gives its own back, and has
// it again when a look at its path, twice a second, shows a change; streams have turns of
// one length. A log with more files than there are descriptors has the oldest open, and the
// next when those are read (tail/shortage.go). 128 descriptors, or half of a small limit, are
// kept for everything else; the numbers of descriptors show what is left (tail.Room).
package collect

// Package stage changes entries on their way from assemble to the batch, as Promtail's
// pipeline stages do: it takes lines apart, sets labels and structured metadata, drops
// entries, and keeps secrets at home. It says which lines are one entry, and leaves it to
// assemble to join them. docs/stages.md is the table for users.
//
// Compile turns the configuration into a Pipeline, which is immutable and shared by all
// containers. Pipeline.For makes the Run of one container, or nil where nothing concerns
// it. A Run belongs to one goroutine, has no goroutine of its own and does no I/O:
//
//	pipeline, err := stage.Compile(nodes, options)  // once per configuration
//	run := pipeline.For(labels)                     // once per container; nil: no stages
//	run.Group(stream)                               // which lines are one entry; nil: each
//	send := run.Process(&entry)                     // per entry, which is changed
//	run.Rule()                                      // what has dropped it
//	run.State(stream), run.Restore(stream, state)   // what a position has to carry
//
// # Joined lines
//
// What joins lines stands among the stages in the configuration, and works before all of
// them: only where lines are read are the position, a rotation and a second reading right
// for entries of several lines. Compile takes it out of the chain, and refuses it in a
// place where that would make a difference (lift.go). What is left differs for containers,
// so Group is asked with the labels of one.
//
// # What makes a second reading give the same
//
// Nothing here asks the clock. Sampling hashes time and text. Limits count in windows of
// log time, and what they and the timestamp stage remember is in State, which belongs to
// the position behind the entry that was processed last. Maps are never ranged over on the
// way of a line.
//
// # How an entry is run
//
// Stages are compiled back to front into a chain of nodes, each of which knows what comes
// after it; the nested stages of match end where match goes on, so an entry needs no stack.
// Names of extracted values are numbered when the configuration is compiled: an entry has a
// slice of values and no map. Values point into the line or into memory of the Run that the
// next entry overwrites.
//
// # What stays outside
//
// Identical lines are kept apart by whoever gives the timestamps, and by the text that is
// sent: two lines may become equal here. Rejected lines are counted where Loki refuses
// them. The label stream is added to an entry by the sink, so stages read it and cannot
// change it.
package stage

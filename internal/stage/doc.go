// Package stage changes lines on their way from assemble to the batch, as Promtail's
// pipeline stages do: it takes lines apart, sets labels and structured metadata, joins
// lines, drops them, and keeps secrets at home. docs/stages.md is the table for users.
//
// Compile turns the configuration into a Pipeline, which is immutable and shared by all
// containers. Pipeline.For makes the Run of one container, or nil where no stage concerns
// it. A Run belongs to one goroutine, has no goroutine of its own and does no I/O:
//
//	pipeline, err := stage.Compile(nodes, options)  // once per configuration
//	run := pipeline.For(labels)                     // once per container; nil: no stages
//	verdict := run.Process(&entry, emit)            // per line; emit is called 0 to n times
//	run.Open(stream)                                // where the group open now began
//	run.Idle(now)                                   // the source has nothing more
//	run.State(), run.Restore(state)                 // what a position has to carry
//	run.Counts()                                    // read = sent + dropped + joined + open
//
// # What makes a second reading give the same
//
// Nothing here asks the clock. What ends a group of joined lines is the next line of the
// same stream and its timestamp from Docker; Idle only hands over earlier what no line
// could join any more. A position must not pass Open: the lines of a group that is open
// have to be read again. Sampling hashes time and text. Limits count in windows of log
// time, and what they and the timestamp stage remember is in State, which belongs to the
// position of the entry handed over last. Maps are never ranged over on the way of a line.
//
// # How a line is run
//
// Stages are compiled back to front into a chain of nodes, each of which knows what comes
// after it; the nested stages of match end where match goes on. So a stage that joins lines
// can send a group through the rest of the chain from wherever it stands, and a line needs
// no stack. Names of extracted values are numbered when the configuration is compiled: a
// line has a slice of values and no map. Values point into the line or into memory of the
// Run that the next line overwrites.
//
// # What stays outside
//
// Identical lines are kept apart by whoever gives the timestamps, and by the text that is
// sent: two lines may become equal here. Rejected lines are counted where Loki refuses
// them. The label stream is added to an entry by the sink, so stages read it and cannot
// change it.
package stage

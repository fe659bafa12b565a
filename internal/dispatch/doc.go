// Package dispatch is the "when" of delivery: it gathers entries into batches,
// bounds the memory they take, pushes them in order, tries again for as long as
// it takes, and tells the sources what has been delivered.
//
// A container belongs to one Lane for good. A source asks its lane for room, fills a
// logs.Draft without any lock, however long its file system takes, and hands it over
// (draft.go). What was handed over waits in the container's queue, as segments of at most a
// batch's size (queue.go); a lane has the queues of its containers (queues.go). A queue is in one of
// five states, and the table of transitions says what may happen in each:
//
//	            filled    sent       delivered   kept
//	idle        ready     -          -           -
//	ready       ready     inFlight   -           -
//	inFlight    inFlight  -          idle        aside
//	aside       aside     retrying   -           -
//	retrying    retrying  -          idle        aside
//
// A push is under way with one segment of each of some queues (take.go), or a piece of one
// that is set aside (aside.go). It makes the requests that Loki's answers allow (plan.go), each
// of one tenant, and works off what these are divided into (deliver.go). pace is what answers
// have shown of the sink, and decides on the size of batches and how many leave at once.
//
// Locks: Lane.mu guards queues and pace; streams, rejected and refusals, which all lanes share,
// have one each, and none is taken while another of them is held, but that of streams while
// Lane.mu is, where a container's next segment follows one that is under way (flow.go).
package dispatch

// Package tap shows the lines of a container while the sink takes them, to whoever looks at
// it. It is given each batch that was delivered, and keeps the newest lines of the few
// containers that somebody looks at; what is too much for that is counted and left out.
// Delivery never waits for a reader, and where nobody looks a batch costs one atomic load.
package tap

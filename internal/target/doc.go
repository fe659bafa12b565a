// Package target keeps the set of containers whose logs are wanted: events
// first, then a list, and a list again after every reconnection and every few
// minutes, because events are a hint and not a ledger.
//
// # How a container is found
//
// Events tell of it, and an inspection says what it is. The engine answers that only when
// it has started the container, which is too late for one that is removed as soon as it has
// ended. So of a container not known yet its config.v2.json is read first, where that is
// allowed: the directory of its log is then watched before the log is made
// (target/peek.go, docker/stored.go). A log that goes by API has no such help.
//
// With docker-host=none the directory is all there is. target.Source has two
// implementations, docker.Client and docker.Directory; internal/agent/source.go chooses,
// and everything behind is the same. The directory's events are inotify's: a name that
// appears or goes in containers, and config.v2.json renamed into place in a container's own
// directory, where one watch serves the log, too (tail/directory.go; the kernel has one per
// directory and instance). A directory is watched before it is read. After an overflow all
// are told of, and once a minute all are read, for file systems that tell nothing. What is
// read is hostile input: read as it comes, of which only what is asked for is kept, up to
// Loki's limits; opened without following links; fuzzed. The engine's answers are read in
// the same way (docker/facts.go). What is missing or damaged makes a container that is
// known in part, and replaces nothing that was known before.
//
// Docker writes state down *after* the fact: a run's first lines may be in the log before
// config.v2.json says that it runs. That a run is over is therefore taken as true for the
// log only if the log was not written to since (Directory.Inspect), or a line of the next
// run could be mistaken for the rest of the last. An engine that is asked waits instead.
// With dockerd down, "running" stays: the log will go on when it is back.
package target

// Package target decides what becomes of each container: whether its log is collected, with
// which labels, and by which route. What was decided, and why, is one immutable Target.
//
// Discovery keeps the set of them: events first, then a list, and a list again after every
// reconnection and every few minutes, because events are a hint and not a ledger. Rules are
// what it decides by; they are the configuration, and what the engine says of itself.
//
// # What is decided when
//
// Choice and labels depend on the container, the rules, the name of the engine's host, and
// which labels have moved, and on nothing else. They are decided when a container was
// found or has changed, never per line, and never with a lock held. The route depends on
// files as well, which come and go: collect has it decided when it needs it, and again.
//
// # How labels are made
//
// For each stream of a container (defaults.go): the default labels, under the names that
// Names gives them; what docker_sd would know of the container (meta.go); the rules of
// relabel_configs, by Prometheus' library (relabel.go); what structured_metadata asks for;
// external labels; moved labels become structured metadata (cardinality.go); Loki's limits
// (limits.go). Everything goes in order of names, so the outcome is the same in every run. A
// change of labels is collect's to save before it takes effect.
//
// # How a container is found
//
// Events name it, and an inspection says what it is. The engine answers that only when
// it has started the container, which is too late for one that is removed as soon as it has
// ended. So of a container not known yet its config.v2.json is read first, where that is
// allowed: the directory of its log is then watched before the log is made
// (target/peek.go, docker/stored.go). A log that goes by API has no such help.
//
// With docker-host=none the directory is all there is. target.Source has two
// implementations, docker.Client and docker.Directory; internal/host/source.go chooses,
// and everything behind is the same. The directory's events are inotify's: a name that
// appears or goes in containers, and config.v2.json renamed into place in a container's own
// directory, where one watch serves the log, too (package watch; the kernel has one per
// directory and instance). A directory is watched before it is read. After an overflow all
// are looked at, and once a minute, for file systems without events. What is
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

// Package docker is what is known of an engine. Client speaks to it: list, inspect,
// events and logs, through one shared client, as a second one would keep an idle
// connection and two goroutines of its own, and one for every request is how
// collectors come to leak. Directory does without, and reads the files in which the
// engine keeps its containers.
package docker

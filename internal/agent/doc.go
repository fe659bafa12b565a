// Package agent puts the parts together that run: a graph of parts for each output (graph.go),
// in which order they stop (run.go), how another configuration is taken over (reload.go), and
// what is shown of them (observe.go, pages.go). The commands that only look have packages of
// their own.
package agent

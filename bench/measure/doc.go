// Command measure runs log collectors through the same work, each on a processor
// of its own, and writes down what it cost them. See docs/performance.md.
package main

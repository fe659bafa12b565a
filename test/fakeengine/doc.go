// Package fakeengine stands in for an engine where a test needs answers that a real one
// does not give on demand. It speaks of the containers of a dataroot.
package fakeengine

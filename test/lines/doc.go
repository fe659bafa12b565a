// Package lines makes the text that test/logwriter writes, so that a test can
// say what line k of a container must be without having seen it.
package lines

// Package release tests what `make release` makes: that it is the same twice, that the
// packages come and go cleanly, that the image runs with next to nothing, that the files
// for others to run are sound, and that everything built in has an allowed licence.
package release

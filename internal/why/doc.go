// Package why finds lines in what is stored of containers, and says what has become of each, for the
// command why: sent, dropped, refused, missing, or still to be sent.
package why

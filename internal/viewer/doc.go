// Package viewer is for somebody who looks at lines while they are written, by the command tail or by
// run without a Loki: where each log begins (viewer.go), which lines of before are shown (lastlines.go,
// untilstart.go), which containers come and go, and when all was shown.
package viewer

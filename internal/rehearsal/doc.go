// Package rehearsal takes lines through the stages of a configuration without sending them,
// and says what each stage has made of each entry: for the commands try and check. Lines are
// joined by package assemble and changed by package stage, as on their way to Loki; labels
// are given. Nothing is read of the host, and nothing written but to where it is shown.
//
// A Subject is a container or a file with its labels and stages; Rehearse takes its lines,
// and makes of them what is an Entry: what was read, each step, and what would be sent or was
// dropped by which rule. Text and JSON show entries; Test holds them against what is
// expected. Read makes lines of a file: plain text, or as Docker stores it.
package rehearsal

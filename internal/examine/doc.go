// Package examine reads the logs of a host again, beside the service that carries them, and knows of
// each what the service knows: its labels and stages by time, and how far it was acknowledged. For
// whoever holds what is stored against what outputs have: verify, why and resend.
//
// Each goes through the outputs, and the logs of each (subject.go); a Reading is one log that is read,
// Acked how far it was acknowledged, and Loki whom is asked.
// The state directory is read beside the service that uses it, and nothing is written.
package examine

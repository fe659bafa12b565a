// Package sidebyside runs Promtail itself, built from its Go module, and lighterman with the
// converted configuration on the same containers, and holds what the one has sent to Loki
// against what the other has sent. Where they differ, the converter has to have said so, or
// docs/from-promtail.md. It also has lighterman take over from a Promtail that is stopped, or
// killed, in the midst of its work.
//
// scripts/promtail builds Promtail and runs it: that takes too long for every run of the
// tests, so the tests have the build tag promtail.
package sidebyside

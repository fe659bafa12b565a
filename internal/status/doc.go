// Package status tells the outside how lighterman is doing: metrics, health,
// readiness and a status page. It imports nothing internal: other packages
// reach it through small interfaces of their own, and it learns the state of
// the rest from a Snapshot.
package status

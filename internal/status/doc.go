// Package status tells the outside how lighterman is doing: metrics, health,
// readiness, the state that ls asks for, and what pages are made of (package page
// draws them). Other packages reach it through small interfaces of their own, and it
// learns the state of the rest from a Snapshot.
package status

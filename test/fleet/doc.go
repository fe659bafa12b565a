// Package fleet tests many hosts: a Swarm of private engines, each in a network namespace of its
// own, on which the image of a release runs as deploy/swarm.yaml has it; and measures what one
// host means for its Loki, for docs/fleet.md. `make test-fleet` runs it, as it takes minutes.
package fleet

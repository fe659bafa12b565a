// Package monitoring runs what deploy has for Prometheus and Grafana against the real ones:
// the query of every panel, the rules of all alerts, and what compose.yaml mounts; and holds
// docs/monitoring.md against what lighterman exports.
package monitoring

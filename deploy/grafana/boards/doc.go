// Package boards describes the dashboards of deploy/grafana in Go, as tables of rows and
// panels, and makes the JSON that Grafana reads. After a change:
//
//	UPDATE_DASHBOARDS=1 go test ./deploy/grafana/boards
//
// test/monitoring runs the query of every panel against a real Prometheus and a real Loki.
package boards

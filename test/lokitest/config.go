package lokitest

import (
	"fmt"
	"strings"
)

// config returns Loki's configuration. Rates and sizes are far above what tests
// send; the age limits and whatever else decides about acceptance have Loki's
// defaults unless limits says otherwise. The lifecycle is shortened, as an
// ingester that is alone has nobody to wait for, and the scheduler's ring, which
// is looked at only every 10 s, is not used: Loki is ready in about a second.
//
// The pattern ingester, which costs memory, is on where limits has "pattern_ingester: true",
// and there are tenants where it has "auth_enabled: true". One that is a member of a cluster
// shares its chunks with the others.
func config(dir string, httpPort, grpcPort int, limits map[string]string, of *member) string {
	all := map[string]string{
		"ingestion_rate_mb":                        "10000",
		"ingestion_burst_size_mb":                  "10000",
		"per_stream_rate_limit":                    "10GB",
		"per_stream_rate_limit_burst":              "10GB",
		"max_line_size":                            "0",
		"max_global_streams_per_user":              "0",
		"max_entries_limit_per_query":              "5000000",
		"max_query_length":                         "0",
		"max_query_series":                         "100000",
		"max_chunks_per_query":                     "20000000",
		"query_timeout":                            "10m",
		"split_queries_by_interval":                "0",
		"split_instant_metric_queries_by_interval": "0",
		"max_query_parallelism":                    "4",
		"tsdb_max_query_parallelism":               "4",
		"volume_enabled":                           "false",
	}
	patterns, tenants := "false", "false"
	for name, value := range limits {
		switch name {
		case patternIngester:
			patterns = value
		case authEnabled:
			tenants = value
		default:
			all[name] = value
		}
	}
	var lines strings.Builder
	for name, value := range all {
		fmt.Fprintf(&lines, "  %s: %s\n", name, value)
	}
	places := []string{"DIR", dir, "HTTP_PORT", fmt.Sprint(httpPort), "GRPC_PORT", fmt.Sprint(grpcPort), "PATTERNS", patterns, "TENANTS", tenants, "LIMITS", lines.String()}
	if of == nil {
		places = append(places, "SHARED", dir, "STORE", "inmemory", "REPLICAS", "1", "INSTANCE", "", "MEMBER", "", "REMOTE", "5m")
	} else {
		places = append(places, of.places()...)
	}
	return strings.NewReplacer(places...).Replace(template)
}

// The two keys that are no limits.
const (
	patternIngester = "pattern_ingester"
	authEnabled     = "auth_enabled"
)

const template = `
auth_enabled: TENANTS
analytics:
  reporting_enabled: false
server:
  http_listen_address: 127.0.0.1
  http_listen_port: HTTP_PORT
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: GRPC_PORT
  http_server_read_timeout: 10m
  http_server_write_timeout: 10m
  grpc_server_max_recv_msg_size: 1073741824
  grpc_server_max_send_msg_size: 1073741824
  grpc_server_max_concurrent_streams: 1000
  graceful_shutdown_timeout: 1s
  log_level: warn
common:
  path_prefix: DIR
  instance_addr: 127.0.0.1
  replication_factor: REPLICAS
  ring:
    instance_addr: 127.0.0.1INSTANCE
    kvstore:
      store: STORE
  storage:
    filesystem:
      chunks_directory: SHARED/chunks
      rules_directory: SHARED/rules
schema_config:
  configs:
    - from: "2020-01-01"
      store: tsdb
      object_store: filesystem
      schema: v13
      index:
        prefix: index_
        period: 24h
ingester:
  lifecycler:
    final_sleep: 0s
    join_after: 0s
    min_ready_duration: 0s
  wal:
    dir: DIR/wal
MEMBERingester_client:
  grpc_client_config:
    max_recv_msg_size: 1073741824
    max_send_msg_size: 1073741824
  remote_timeout: REMOTE
frontend_worker:
  grpc_client_config:
    max_recv_msg_size: 1073741824
    max_send_msg_size: 1073741824
query_scheduler:
  use_scheduler_ring: false
  grpc_client_config:
    max_recv_msg_size: 1073741824
    max_send_msg_size: 1073741824
frontend:
  grpc_client_config:
    max_recv_msg_size: 1073741824
    max_send_msg_size: 1073741824
query_range:
  cache_results: false
  align_queries_with_step: false
  parallelise_shardable_queries: false
pattern_ingester:
  enabled: PATTERNS
limits_config:
LIMITS`

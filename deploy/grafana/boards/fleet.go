package boards

// fleet is about many hosts: which of them need somebody.
func fleet() Board {
	return Board{
		Name: "fleet", Title: "lighterman: fleet",
		About:     "Is everything delivered, and which host needs somebody?",
		Variables: []Variable{job, hosts, output},
		Rows: []Row{
			{"Is everything delivered?", fleetNumbers()},
			{"What needs somebody", []Panel{firing(), fleetTable()}},
			{"Delivery", fleetDelivery()},
			{"What Loki answers", fleetAnswers()},
			{"Proof and loss", fleetLoss()},
		},
	}
}

func fleetNumbers() []Panel {
	return []Panel{
		number("Hosts", none, 0, "Hosts whose lighterman is scraped.", "count("+whole("build_info")+")"),
		number("Hosts not answering", none, 1, "Hosts that Prometheus cannot scrape: lighterman does not run there, or its listener is not reached.",
			"sum(1 - "+process("up")+")"),
		number("Containers", none, 0, "Containers that are collected or named, whatever the route.", "sum("+of("targets")+")"),
		number("Cannot be read", none, 1, "Containers whose log cannot be read; lighterman ls on the host says why.", "sum("+of("unreadable_containers")+")"),
		number("Oldest line that waits", seconds, 300, "Age of the oldest line of any container that Loki has not acknowledged.", most("", of("container_lag_seconds"))),
		number("Lines per second", perSec, 0, "Lines read on all hosts.", "sum("+rate(of("lines_total"))+")"),
		number("Lines refused", lines, 1, "Lines that Loki has refused for good, in the time shown.", "sum("+rise(of("rejected_lines_total"))+")"),
		number("Hosts with a difference", none, 1, "Hosts where the last comparison (verify-every) found that Loki does not have what is stored.", "sum(1 - "+least("instance", of("verify_ok"))+")"),
	}
}

// firing are the alerts of alerts.yaml that fire.
func firing() Panel {
	return Panel{Kind: Table, Title: "Alerts", About: "Alerts of alerts.yaml that fire or are about to. Their description says what to do.", Width: 8, Height: 10,
		Queries: []Query{column("Alerts", none, "sum by (alertname, severity, instance, alertstate) (ALERTS{alertname=~`Lighterman.+`, instance=~`${host:regex}|`})")}}
}

func fleetTable() Panel {
	return Panel{Kind: Table, Title: "Hosts by lag", About: "The state of every host, the one furthest behind first.", Width: 16, Height: 10,
		Queries: []Query{
			column("Lag", seconds, most("instance", of("container_lag_seconds"))),
			column("Containers", none, sum("instance", of("targets"))),
			column("Cannot be read", none, sum("instance", of("unreadable_containers"))),
			column("Lines per second", perSec, sum("instance", rate(of("lines_total")))),
			column("Refused", lines, sum("instance", rise(of("rejected_lines_total")))),
			column("Given up", none, sum("instance", rise(of("hold_given_up_files_total")))),
			column("Nothing differs", truth, least("instance", of("verify_ok"))),
			column("Configuration in force", truth, most("instance", whole("config_last_reload_successful"))),
		}}
}

func fleetDelivery() []Panel {
	return []Panel{
		plot("Lines read by host", perSec, "Entries read, of all routes.", prom(sum("instance", rate(of("lines_total"))), "{{instance}}")).stacked(),
		plot("Text read by host", byteSec, "Bytes of the text of entries read.", prom(sum("instance", rate(of("line_bytes_total"))), "{{instance}}")).stacked(),
		plot("Lag by host", seconds, "Age of the oldest line that Loki has not acknowledged, of the container furthest behind.", prom(most("instance", of("container_lag_seconds")), "{{instance}}")),
		plot("Time to delivery by host (p95)", seconds, "From Docker's timestamp of a line to Loki's acknowledgement, of lines written since the start.",
			prom(quantile("0.95", "instance", of("delivery_seconds_bucket")), "{{instance}}")),
	}
}

func fleetAnswers() []Panel {
	return []Panel{
		plot("Pushes by outcome", pushes, "Requests to Loki: accepted, to be repeated, too large, or refused.", prom(sum("outcome", rate(of("pushes_total"))), "{{outcome}}")).stacked().wide(8),
		plot("Repeated pushes by reason", pushes, "Pushes that have to be repeated. Nothing is lost; docs/loki-limits.md says what each reason means.", prom(sum("reason", rate(of("push_retries_total"))), "{{reason}}")).stacked().wide(8),
		plot("Refused lines by reason", perSec, "Lines that Loki has refused for good; docs/loki-limits.md has the cures.", prom(sum("reason", rate(of("rejected_lines_total"))), "{{reason}}")).stacked().wide(8),
	}
}

func fleetLoss() []Panel {
	return []Panel{
		plot("Differences found by host", lines, "What the last comparison has found missing, twice, changed, or not stored.",
			prom(sum("instance", of("verify_missing_lines")+" + "+of("verify_twice_lines")+" + "+of("verify_changed_lines")+" + "+of("verify_not_stored_lines")), "{{instance}}")).wide(8),
		plot("Deleted logs kept by host", size, "Bytes that Docker has deleted and lighterman keeps until they are delivered; beyond hold-bytes the oldest is given up.",
			prom(sum("instance", of("held_bytes")), "{{instance}}")).wide(8),
		plot("Memory by host", size, "Resident memory of lighterman.", prom(sum("instance", process("process_resident_memory_bytes")), "{{instance}}")).wide(8),
	}
}

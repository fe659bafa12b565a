package boards

// host is about one host, in all that its lighterman says.
func host() Board {
	one := hosts
	one.Multi, one.All = false, ""
	return Board{
		Name: "host", Title: "lighterman: host",
		About:     "One host: what is read, what Loki answers, and what may be lost.",
		Variables: []Variable{job, one, output},
		Rows: []Row{
			{"Now", hostNumbers()},
			{"States", []Panel{hostStates()}},
			{"Delivery", hostDelivery()},
			{"What Loki answers", hostAnswers()},
			{"Reading", hostReading()},
			{"What stages and limits do", hostStages()},
			{"What may be lost", hostLoss()},
			{"Proof", hostProof()},
			{"The process", hostProcess()},
		},
	}
}

func hostNumbers() []Panel {
	version := number("Version", none, 0, "The version that runs.", sum("version", whole("build_info"))).wide(4)
	version.Queries[0].Legend = "{{version}}"
	return []Panel{
		version,
		number("Running since", since, 0, "When the process was started.", process("process_start_time_seconds")+" * 1000").wide(4),
		number("Containers", none, 0, "Containers that are collected or named, whatever the route.", "sum("+of("targets")+")").wide(4),
		number("Cannot be read", none, 1, "Containers whose log cannot be read; lighterman ls says why.", "sum("+of("unreadable_containers")+")").wide(4),
		number("Oldest line that waits", seconds, 300, "Age of the oldest line of any container that Loki has not acknowledged.", most("", of("container_lag_seconds"))).wide(4),
		number("Lines refused", lines, 1, "Lines that Loki has refused for good, in the time shown.", "sum("+rise(of("rejected_lines_total"))+")").wide(4),
	}
}

func hostStates() Panel {
	return Panel{Kind: Timeline, Title: "Is it well?", Unit: truth, Width: 24, Height: 7,
		About: "1 is well: the engine answers, the newest configuration is in force, Loki has what is stored, and deleted logs can be kept.",
		Queries: []Query{
			prom(most("", of("engine_connected")), "engine answers"),
			prom(most("", whole("config_last_reload_successful")), "newest configuration in force"),
			prom(least("", of("verify_ok")), "Loki has what is stored"),
			prom(group("min", "", of("hold_ok")), "hold-dir takes links"),
		}}
}

func hostDelivery() []Panel {
	heat := Panel{Kind: Heat, Title: "Time to delivery", Unit: seconds, Width: 12, Height: 8,
		About:   "From Docker's timestamp of a line to Loki's acknowledgement, of lines written since the start.",
		Queries: []Query{prom(sum("le", "increase("+of("delivery_seconds_bucket")+"[$__rate_interval])"), "{{le}}")}}
	return []Panel{
		plot("What becomes of lines", perSec, "Lines sent, dropped by stages, joined to another line's entry, and refused by Loki.", prom(sum("outcome", rate(of("container_lines_total"))), "{{outcome}}")).stacked(),
		plot("Time to delivery, quantiles", seconds, "From Docker's timestamp of a line to Loki's acknowledgement. The backlog is of lines from before the start, and of those that waited behind them.",
			prom(quantile("0.5", "", of("delivery_seconds_bucket")), "p50"), prom(quantile("0.95", "", of("delivery_seconds_bucket")), "p95"),
			prom(quantile("0.99", "", of("delivery_seconds_bucket")), "p99"), prom(quantile("0.95", "", of("backlog_delivery_seconds_bucket")), "p95 of the backlog")),
		heat,
		plot("Containers furthest behind", seconds, "Age of the oldest line that is not delivered, of the ten containers where it is highest.", prom("topk(10, "+most("container, route", of("container_lag_seconds"))+")", "{{container}} ({{route}})")),
		plot("Bytes behind", size, "Bytes in logs that are not delivered, of the ten containers with the most.", prom("topk(10, "+sum("container, route", of("container_lag_bytes"))+")", "{{container}} ({{route}})")),
		plot("Lines that wait", lines, "Entries that were read and are not acknowledged, of the ten containers with the most.", prom("topk(10, "+sum("container", of("container_pending_lines"))+")", "{{container}}")),
		{Kind: Bars, Title: "Containers that write most", Unit: perSec, Width: 24, Height: 8, About: "Lines read per second, of the ten with the most.",
			Queries: []Query{prom("topk(10, "+sum("container", rate(of("container_read_lines_total")))+")", "{{container}}")}},
	}
}

func hostAnswers() []Panel {
	return []Panel{
		plot("Pushes by outcome", pushes, "Requests to Loki: accepted, to be repeated, too large, or refused.", prom(sum("outcome", rate(of("pushes_total"))), "{{outcome}}")).stacked().wide(8),
		plot("Time of a push", seconds, "From the start of a push to Loki's answer.", prom(quantile("0.5", "", of("push_duration_seconds_bucket")), "p50"), prom(quantile("0.95", "", of("push_duration_seconds_bucket")), "p95")).wide(8),
		plot("Text pushed", byteSec, "Bytes of lines pushed, repetitions included.", prom("sum("+rate(of("push_bytes_total"))+")", "pushed")).wide(8),
		plot("Repeated pushes by reason", pushes, "Pushes that have to be repeated. Nothing is lost; docs/loki-limits.md says what each reason means.", prom(sum("reason", rate(of("push_retries_total"))), "{{reason}}")).stacked().wide(8),
		plot("Refused lines by reason", perSec, "Lines that Loki has refused for good; docs/loki-limits.md has the cures.", prom(sum("reason", rate(of("rejected_lines_total"))), "{{reason}}")).stacked().wide(8),
		plot("Containers set aside, streams refused", none, "Containers that wait for a limit of their own, and streams that Loki has refused for their labels since the start.",
			prom("sum("+of("set_aside_containers")+")", "set aside"), prom("sum("+of("rejected_streams_total")+")", "refused streams")).wide(8),
	}
}

func hostReading() []Panel {
	return []Panel{
		plot("Containers by route", none, "How logs are read: from files, the journal, the API; waiting for an open file; or not at all.", prom(sum("route", of("targets")), "{{route}}")).stacked().wide(8),
		plot("Lines read by route", perSec, "Entries read.", prom(sum("route", rate(of("lines_total"))), "{{route}}")).stacked().wide(8),
		plot("Text read by route", byteSec, "Bytes of the text of entries read.", prom(sum("route", rate(of("line_bytes_total"))), "{{route}}")).stacked().wide(8),
		plot("Streams of the API", none, "Log streams open through the Docker API, and how many were opened again after a cut, since the start.",
			prom("sum("+of("api_streams")+")", "open"), prom("sum("+of("api_reconnects_total")+")", "opened again")).wide(8),
		plot("Queue of file changes", none, "Inotify watches, and overflows of their queue since the start. After one all files are looked at.",
			prom("sum("+of("inotify_watches")+")", "watches"), prom("sum("+of("inotify_overflows_total")+")", "overflows")).wide(8),
		plot("Records that are not as they should be", none, "Stored records that could not be decoded, and journal entries left out because somebody else than the engine has sent them, since the start.",
			prom("sum("+of("corrupt_records_total")+")", "not decoded"), prom("sum("+of("journal_forged_entries_total")+")", "of other senders")).wide(8),
	}
}

func hostStages() []Panel {
	return []Panel{
		plot("Lines dropped by rule", perSec, "Entries that a stage has dropped.", prom(sum("rule", rate(of("dropped_lines_total"))), "{{rule}}")).stacked().wide(8),
		plot("Lines joined", perSec, "Lines that became part of another line's entry, as those of a stack trace do.", prom("sum("+rate(of("joined_lines_total"))+")", "joined")).wide(8),
		plot("Lines left out by their time", perSec, "Lines that were in a log when it was opened: from before since, or delivered before.", prom(sum("reason", rate(of("skipped_lines_total"))), "{{reason}}")).wide(8),
		plot("Lines cut", perSec, "Lines longer than max-line-bytes.", prom("sum("+rate(of("cut_lines_total"))+")", "cut")).wide(8),
		plot("Text cut off", byteSec, "Bytes left out of lines that were cut.", prom("sum("+rate(of("cut_bytes_total"))+")", "cut off")).wide(8),
		plot("Labels with very many values", none, "Labels with more than 100 values within a day; the status page names them.", prom("max("+of("crowded_labels")+")", "labels")).wide(8),
	}
}

func hostLoss() []Panel {
	return []Panel{
		plot("Deleted logs that are kept", size, "Bytes that Docker has deleted and lighterman keeps until they are delivered, at most hold-bytes.", prom("sum("+of("held_bytes")+")", "kept")).wide(8),
		plot("Deleted files and links", none, "Deleted log files that are kept open, and hard links in hold-dir.", prom("sum("+of("held_files")+")", "deleted files"), prom("sum("+of("hold_links")+")", "links"), prom("sum("+of("hold_link_failures_total")+")", "links that could not be made")).wide(8),
		plot("Given up", size, "Bytes of deleted files that were given up unread because of hold-bytes, since the start: these are lost.", prom("sum("+of("hold_given_up_bytes_total")+")", "given up")).wide(8),
		plot("Files that are gone", none, "Deleted files given up unread, starts at which files may have been rotated away before they were opened, and logs that somebody truncated, since the start.",
			prom("sum("+of("hold_given_up_files_total")+")", "given up"), prom("sum("+of("rotated_away_total")+")", "rotated away"),
			prom(sum("copy", of("truncated_logs_total")), "truncated, copy {{copy}}"), prom("sum("+of("unsure_resumes_total")+")", "read again, to be sure")).wide(8),
		plot("Truncated", size, "Bytes known to be lost as a log was truncated before they were read, since the start.", prom("sum("+of("truncated_bytes_total")+")", "lost")).wide(8),
		plot("Positions not on disk", seconds, "Age of the oldest change of a position that is not on disk: what would be sent again after a power cut.", prom(most("", of("checkpoint_unsaved_seconds")), "age")).wide(4),
		plot("Saves of positions", ops, "Saves, and those that failed and are repeated.", prom("sum("+rate(of("checkpoint_saves_total"))+")", "saves"), prom("sum("+rate(of("checkpoint_failures_total"))+")", "failures")).wide(4),
	}
}

func hostProof() []Panel {
	return []Panel{
		plot("What the last comparison found", lines, "Lines missing in Loki, there twice, with another text, or not stored (verify-every). Not sent yet is no difference. lighterman verify names them.",
			prom("sum("+of("verify_missing_lines")+")", "missing"), prom("sum("+of("verify_twice_lines")+")", "twice"),
			prom("sum("+of("verify_changed_lines")+")", "changed"), prom("sum("+of("verify_not_stored_lines")+")", "not stored"),
			prom("sum("+of("verify_not_sent_lines")+")", "not sent yet")),
		number("Last comparison", since, 0, "When it was last compared.", "max("+of("verify_last_timestamp_seconds")+" > 0) * 1000").wide(4).high(8),
		number("Comparisons that failed", none, 1, "Times that Loki, or a log, could not be read, in the time shown.", "sum("+rise(of("verify_failures_total"))+")").wide(4).high(8),
		number("Configuration loaded", since, 0, "When a configuration was loaded last that could be used.", "max("+whole("config_last_reload_success_timestamp_seconds")+") * 1000").wide(4).high(8),
	}
}

func hostProcess() []Panel {
	return []Panel{
		plot("Processor", cores, "Processor time per second.", prom("sum("+rate(process("process_cpu_seconds_total"))+")", "used")).wide(6),
		plot("Memory", size, "Resident memory, and what of it are lines that wait.", prom("sum("+process("process_resident_memory_bytes")+")", "resident"), prom("sum("+of("buffered_bytes")+")", "lines that wait")).wide(6),
		plot("Open files", none, "Open descriptors, and how many there may be.", prom("sum("+whole("open_fds")+")", "open"), prom("sum("+process("process_max_fds")+")", "limit")).wide(6),
		plot("Goroutines", none, "They do not grow with files.", prom("sum("+whole("goroutines")+")", "goroutines")).wide(6),
	}
}

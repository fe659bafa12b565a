package boards

// lineSelector are a container's lines, as Loki's labels name it by default.
const lineSelector = "{container=`$container`, host=~`${loghost:regex}`}"

// container is about one container: how its log does, and its lines.
func container() Board {
	name := Variable{Name: "container", Label: "Container", About: "its name", Query: "label_values(" + whole("container_read_lines_total") + ", container)"}
	level := Variable{Name: "level", Label: "Level", About: "levels of lines to show", Values: []string{"critical", "fatal", "error", "warn", "info", "debug", "trace", "unknown"}, Multi: true, All: ".*"}
	search := Variable{Name: "search", Label: "Search", About: "an expression that lines match", Text: true}
	return Board{
		Name: "container", Title: "lighterman: container",
		About:     "One container: how far its log is delivered, what became of its lines, and the lines themselves.",
		Variables: []Variable{job, hosts, output, name, logHost, level, search},
		Rows: []Row{
			{"Its log", containerLog()},
			{"Its lines in Loki", containerLines()},
		},
	}
}

func containerLog() []Panel {
	return []Panel{
		number("Oldest line that waits", seconds, 300, "Age of the oldest line that Loki has not acknowledged.", most("", here("container_lag_seconds"))).wide(4),
		number("Bytes behind", size, 0, "Bytes in its log that are not delivered.", "sum("+here("container_lag_bytes")+")").wide(4),
		number("Lines per second", perSec, 0, "Lines read.", "sum("+rate(here("container_read_lines_total"))+")").wide(4),
		number("Lines that wait", lines, 0, "Entries that were read and are not acknowledged.", "sum("+here("container_pending_lines")+")").wide(4),
		number("Lines read", lines, 0, "Lines read in the time shown.", "sum("+rise(here("container_read_lines_total"))+")").wide(4),
		number("Lines refused", lines, 1, "Lines that Loki has refused for good since lighterman was started; lighterman ls says why.", "sum("+here("container_lines_total", `outcome="rejected"`)+") or vector(0)").wide(4),
		plot("What becomes of its lines", perSec, "Lines sent, dropped by stages, joined to another line's entry, and refused by Loki.", prom(sum("outcome", rate(here("container_lines_total"))), "{{outcome}}")).stacked().wide(8),
		plot("Lag", seconds, "Age of the oldest line that is not delivered, by host and route.", prom(most("instance, route", here("container_lag_seconds")), "{{instance}} ({{route}})")).wide(8),
		plot("Lines read by host", perSec, "Lines of containers of this name, by host.", prom(sum("instance", rate(here("container_read_lines_total"))), "{{instance}}")).stacked().wide(8),
	}
}

func containerLines() []Panel {
	chosen := lineSelector + " | detected_level=~`${level:regex}` |~ ${search:doublequote}"
	byLevel := plot("Lines by level", lines, "Lines in Loki, by level.", loki("sum by (detected_level) (count_over_time("+chosen+"[$__auto]))", "{{detected_level}}")).stacked()
	byStream := plot("Lines by stream", lines, "Lines in Loki of stdout and stderr.", loki("sum by (stream) (count_over_time("+chosen+"[$__auto]))", "{{stream}}")).stacked()
	problems := Panel{Kind: Logs, Title: "Errors and warnings", Width: 24, Height: 10, About: "Lines of the levels warn and worse.",
		Queries: []Query{loki(lineSelector+" | detected_level=~`critical|fatal|error|warn` |~ ${search:doublequote}", "")}}
	all := Panel{Kind: Logs, Title: "Lines", Width: 24, Height: 16, About: "Lines of the levels that are chosen, and that match the search.",
		Queries: []Query{loki(chosen, "")}}
	return []Panel{byLevel, byStream, problems, all}
}

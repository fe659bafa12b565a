package config

import "slices"

// configFile is the setting that names the YAML file. It cannot be in it.
const configFile = "config"

// settings is the table for those who want to know what there is.
var settings = table(&Config{})

// table is the one place that says which settings exist, in the order of the reference, and
// where their values go. A row is the name, what the value is, the default, or how that is
// found out at run time, an example, and one or two sentences of help.
func table(c *Config) (all []*setting) {
	group := func(title string, rows []row) {
		for _, r := range rows {
			all = append(all, &setting{row: r, group: title})
		}
	}
	group("General", []row{
		{configFile, one(kindFile, &c.File, parseText), "", "none", "/etc/lighterman/lighterman.yaml",
			"YAML file with settings. It is only a flag and a variable, not a key of the file."},
		{"watch-config", one(kindBool, &c.WatchFile, parseBool), "false", "", "",
			"Reload the configuration when the file changes, as the signal SIGHUP does at any time; docs/reload.md says what can change without a restart."},
		{"verify-every", one(kindDuration, &c.VerifyEvery, parseDuration), "0s", "", "",
			"Compare so often what is stored of containers, files and the journal with what each output has, of the last hour or twice that time, as lighterman verify does, and tell in the metrics lighterman_verify_…; 0s for never. docs/verify.md says more."},
		{"log-level", one(kindLevel, &c.Log.Level, parseLogLevel), "info", "", "",
			"Least severity of lighterman's own messages, which go to standard error."},
		{"log-format", choose(&c.Log.Format, LogText, LogJSON), "text", "", "",
			"Format of lighterman's own messages."},
		{"color", choose(&c.Log.Color, ColorAuto, ColorAlways, ColorNever), "auto", "", "",
			"Colour for log lines that go to standard output instead of Loki; auto colours a terminal only."},
		{"listen", one(kindAddress, &c.Listener.Address, parseListen), "127.0.0.1:9177", "", "",
			"Address of metrics, health checks and the status page, unix:PATH for a unix socket (mode 0660), or off. A socket, and whoever has authenticated, may also POST /-/reload. Beyond loopback only /healthz and /readyz are served, unless web-config-file or listen-token-file asks who wants to know more, or listen-unprotected is set. Lines that go to standard output need none: then it is off unless it is set."},
		{"listen-hosts", many(kindHosts, &c.Listener.Hosts, parseHost), "", "addresses, localhost and the machine's own name", "lighterman",
			"Further host names that requests to the listener may be made under, such as the name of lighterman's container or service that Prometheus scrapes. Requests under another name are refused, so that no web page can read the status through a browser."},
		{"web-config-file", one(kindFile, &c.Listener.WebConfigFile, parseText), "", "none", "/etc/lighterman/web.yaml",
			"TLS, passwords (as bcrypt hashes) and client certificates for the listener, in the format of Prometheus' web.config.file. It is read again when it, or a file that it names, has changed."},
		{"listen-token-file", one(kindFile, &c.Listener.TokenFile, parseText), "", "none", "/etc/lighterman/tokens",
			"Bearer tokens that let in to the listener, one on each line, each of 16 letters at least. It is read again when it has changed."},
		{"listen-private", choose(&c.Listener.Private, PrivateAuto, PrivateAlways, PrivateNever), "auto", "", "",
			"Whether the pages show what the host keeps from other users: lines of containers while Loki takes them, their labels, the configuration in force and lighterman's own messages. auto shows them over a unix socket and to whoever has authenticated; always shows them to everybody who reaches the address, such as every user of this host."},
		{"listen-unprotected", one(kindBool, &c.Listener.Unprotected, parseBool), "false", "", "",
			"Serve metrics, status and all else beyond loopback to everybody, without authentication. For where something else keeps others out, such as a port that docker run -p publishes on loopback only."},
		{"state-dir", one(kindDir, &c.StateDir, parseText), "", "systemd's STATE_DIRECTORY, then /var/lib/lighterman for root, then $XDG_STATE_HOME/lighterman or ~/.local/state/lighterman", "/var/lib/lighterman",
			"Directory where the positions reached in every log are kept. It must belong to lighterman's user or to root, and nobody else may write to it. Lines that go to standard output need none: unless it is set, nothing is kept then."},
		{"shutdown-timeout", one(kindDuration, &c.Limits.Shutdown, parseDuration), "10s", "", "",
			"How long a stop may take to deliver what has been read. What is not delivered by then is read again at the next start."},
	})
	group("Reading logs", []row{
		{"mode", choose(&c.Reading.Mode, Hybrid, FileOnly, StreamOnly), "hybrid", "", "",
			"hybrid reads Docker's own files and the journal's where it can, and the Docker API otherwise; file never takes the API, and stream takes nothing else."},
		{"docker-host", one(kindEngine, &c.Docker.Host, parseEngine), "", "DOCKER_HOST, then unix:///var/run/docker.sock, then the user's rootless Docker", "unix:///var/run/docker.sock",
			"The Docker Engine to collect from, or none to do without its socket: containers are then found in docker-root, and logs that only the API has are named and not read."},
		{"docker-root", one(kindDir, &c.Docker.Root, parseText), "", "what the engine says, then the usual places", "/var/lib/docker",
			"Docker's data directory as lighterman sees it, for example where it is mounted in lighterman's container."},
		{"since", one(kindSince, &c.Reading.Since, parseSince), "168h", "", "",
			"Where to start in the log of a container that was never seen before: older lines that are in it by then are left out, and counted as far as they are read (lighterman_skipped_lines_total). What is written later is delivered, whatever its time. The default is the age up to which Loki accepts lines unless it is told otherwise; lines that go to standard output begin with now, unless a state directory is set."},
		{"tail", one(kindLines, &c.Reading.Tail, parseLines), "", "all that since allows", "20",
			"With standard output: begin with so many of the last lines of each container. Together with since, both bounds hold."},
		{"file-percent", one(kindPercent, &c.Reading.FilePercent, number(kindPercent, 100)), "100", "", "",
			"Share of the containers with a readable file or journal that are read from it; the rest goes by the API. The choice is stable per container."},
		{"hold-bytes", one(kindSize, &c.Hold.Bytes, size[int64](0, 1<<50)), "1GiB", "", "",
			"Bytes of log files that Docker has deleted and that are kept until they are delivered. Beyond that the oldest is given up and counted; 0 for no bound."},
		{"hold-dir", one(kindDir, &c.Hold.Dir, parseText), "", "none", "/var/lib/docker/lighterman-hold",
			"Directory for hard links to live logs, so that nothing is lost while lighterman is down. It must be on the same mount as Docker's data directory, which must be writable, and outside its directory containers."},
		{"journal-dir", many(kindDirs, &c.Journal.Dirs, parseText), "", "/var/log/journal and /run/log/journal", "/var/log/journal",
			"Directories of the systemd journal, for containers that log to journald; none to read these through the Docker API."},
		{"journal-sender", many(kindSenders, &c.Journal.Senders, parseSender), "", "0/dockerd, and the same of lighterman's own user", "1000/dockerd",
			"Who sends the lines of containers to journald: the user's number and the program's name, as in the fields _UID and _COMM, the number alone for all programs of a user, or any for everybody. What others send in a container's name is left out and counted."},
		{"max-line-bytes", one(kindSize, &c.Limits.LineBytes, size[int](1<<10, 1<<30)), "256KiB", "", "",
			"Longer lines are cut, marked as cut and counted. The default is what Loki takes unless it is told otherwise."},
		{"max-files", one(kindFiles, &c.Limits.Files, number(kindFiles, 100_000)), "2000", "", "",
			"Files of the host that are collected at most (the section files). Those beyond are named and not read."},
		{"max-memory", one(kindSize, &c.Limits.Memory, size[int64](1<<20, 1<<40)), "64MiB", "", "",
			"Bytes of lines that may be read and not yet acknowledged. Beyond that nothing more is read until Loki has caught up. Less is held where the memory limit of the control group (docker run -m, MemoryMax=) does not allow for it; lighterman needs 64MiB in all, and says so where the limit is lower."},
	})
	group("Choosing containers", []row{
		{"include-name", many(kindPatterns, &c.Containers.IncludeName, parsePattern), "", "all", "web-.*",
			"Collect only containers whose name matches one of these regular expressions. They are fully anchored, as in Prometheus: web matches web and not web-1."},
		{"exclude-name", many(kindPatterns, &c.Containers.ExcludeName, parsePattern), "", "none", ".*-test",
			"Leave out containers whose name matches one of these fully anchored regular expressions. Leaving out wins over including."},
		{"include-label", many(kindMatches, &c.Containers.IncludeLabel, parseLabelMatch), "", "all", "com.example.team=shop",
			"Collect only containers that have one of these labels, with any value or with exactly this one."},
		{"exclude-label", many(kindMatches, &c.Containers.ExcludeLabel, parseLabelMatch), "", "none", "com.example.noisy",
			"Leave out containers that have one of these labels. The label lighterman.enable=false does the same, unless container-labels is set without enable."},
	})
	group("Delivery", []row{
		{"loki-url", one(kindURL, &c.Loki.URL, parseLokiURL), "", "none, so lines go to standard output", "http://localhost:3100",
			"Loki to push to. Without a path, /loki/api/v1/push is meant."},
		{"otlp-url", one(kindReceiver, &c.Loki.OTLP, parseReceiverURL), "", "none", "http://localhost:4318",
			"Receiver of OpenTelemetry's protocol (OTLP over HTTP) to push to, instead of a Loki. Without a path, /v1/logs is meant. The settings for Loki's access, TLS and proxy hold for it, too. After a crash it may get lines twice; docs/outputs.md says more."},
		{"tenant-id", one(kindText, &c.Loki.Tenant, parseTenant), "", "none", "team-a",
			"Tenant to push as, in the header X-Scope-OrgID."},
		{"shadow-tenant", one(kindText, &c.Loki.Shadow, parseTenant), "", "none", "shadow",
			"Push everything as this tenant and to no further output, whatever tenant-id, outputs and rules say, with positions of its own below state-dir: to run beside the collector that is to be replaced, and to compare both with lighterman diff."},
		{"batch-wait", one(kindDuration, &c.Batch.Wait, parseDuration), "200ms", "", "",
			"How long a line may wait for others before it is pushed, on a busy host. With little to say it is a fifth of that, and a line that comes after a silence goes at once; docs/delivery.md says more. 0 is 5ms."},
		{"batch-size", one(kindSize, &c.Batch.Bytes, size[int](1<<10, 1<<30)), "1MiB", "", "",
			"Bytes of lines after which a batch is pushed without waiting."},
		{"max-out-of-order", one(kindDuration, &c.Batch.OutOfOrder, parseDuration), "0s", "", "5m",
			"How much time the lines of one container may span that are under way to Loki in several pushes at once, which may then arrive in another order. It makes a single busy container fast over a far link. Only for a Loki that takes lines out of order (unordered_writes, the default) and whose max_chunk_age, 2h by default, is more than four times as long: it refuses what is later than that. 0s has one push follow the other."},
		{"push-timeout", one(kindDuration, &c.Loki.PushTimeout, parsePositive), "10s", "", "",
			"How long one push may take before it is tried again."},
		{"host-label", one(kindText, &c.Labels.Host, parseText), "", "the host name, in a container that of the engine's host", "node-1",
			"Value of the label host. Seldom needed: in a container the name of the engine's host is taken."},
		{"external-label", value{kindPairs, c.Labels.storeExternal}, "", "none", "datacenter=north",
			"Labels added to every line. The names stream, container, container_id and host are taken; others that lighterman sets may be overridden."},
		{"crowded-label", many(kindNames, &c.Labels.Crowded, parseLabelName), "", "none", "commit",
			"Labels that become structured metadata when they have had more than 100 values on this host within a day, until the next start. Without it such a label is only named."},
		{"detect-level", one(kindBool, &c.Labels.Level, parseBool), "true", "", "",
			"Set the structured metadata detected_level of lines whose level Loki does not find by itself, such as pino's numbers, klog, or NOTICE. docs/stages.md says which."},
	})
	group("Access to Loki", []row{
		{"loki-username", one(kindText, &c.Loki.Username, parseUsername), "", "none", "lighterman",
			"User name for basic authentication."},
		{"loki-password", one(kindSecret, &c.Loki.Password, parseText), "", "none", "change-me",
			"Password for basic authentication. A flag can be seen by every user of the machine: prefer loki-password-file."},
		{"loki-password-file", one(kindFile, &c.Loki.PasswordFile, parseText), "", "none", "/etc/lighterman/password",
			"File that holds the password for basic authentication."},
		{"loki-bearer-token", one(kindSecret, &c.Loki.BearerToken, parseText), "", "none", "change-me",
			"Bearer token, instead of basic authentication. A flag can be seen by every user of the machine: prefer loki-bearer-token-file."},
		{"loki-bearer-token-file", one(kindFile, &c.Loki.BearerTokenFile, parseText), "", "none", "/etc/lighterman/token",
			"File that holds the bearer token."},
	})
	group("TLS and proxy", []row{
		{"tls-ca-file", one(kindFile, &c.Loki.TLS.CAFile, parseText), "", "the system's authorities", "/etc/lighterman/ca.pem",
			"Certificate authorities that Loki's certificate is checked against, in PEM form."},
		{"tls-cert-file", one(kindFile, &c.Loki.TLS.CertFile, parseText), "", "none", "/etc/lighterman/client.pem",
			"Client certificate, in PEM form. Needs tls-key-file."},
		{"tls-key-file", one(kindFile, &c.Loki.TLS.KeyFile, parseText), "", "none", "/etc/lighterman/client.key",
			"Key of the client certificate, in PEM form. Needs tls-cert-file."},
		{"tls-server-name", one(kindText, &c.Loki.TLS.ServerName, parseText), "", "the host of loki-url", "loki.example.com",
			"Name that Loki's certificate must carry."},
		{"tls-insecure-skip-verify", one(kindBool, &c.Loki.TLS.InsecureSkipVerify, parseBool), "false", "", "",
			"Do not check Loki's certificate. Whoever can reach the network can then read the logs."},
		{"proxy-url", one(kindProxy, &c.Loki.Proxy, parseProxyURL), "", "HTTP_PROXY, HTTPS_PROXY and NO_PROXY", "http://proxy.example.com:3128",
			"Proxy for pushes. It may hold a user and a password."},
	})
	return all
}

// find finds a setting by name.
func find(all []*setting, name string) *setting {
	if i := slices.IndexFunc(all, func(s *setting) bool { return s.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// labelling is the group of the sections.
const labelling = "Labels and stages"

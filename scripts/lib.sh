# shellcheck shell=bash
# What the scripts share. Source it from a script that has set -euo pipefail.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${LIGHTERMAN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lighterman}
# Go's usual place, for shells that do not have it on PATH. The checkout may
# belong to somebody else: no question to git when building.
export PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin
export GOFLAGS="${GOFLAGS:-} -buildvcs=false"

say() { printf '==> %s\n' "$*" >&2; }
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# await_end PID TENTHS waits until a process is dead, for so many tenths of a
# second. It may stay as a zombie where nobody reaps it.
await_end() {
	local i
	for ((i = 0; i < $2; i++)); do
		if [ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"; then return; fi
		sleep 0.1
	done
}

# need_go ends unless there is a Go that understands all modules here. One from 1.21 on
# fetches the version that a module asks for by itself, unless GOTOOLCHAIN forbids it.
need_go() {
	local needed found
	needed=$(sed -n 's/^go //p' "$root"/go.mod "$root"/test/*/go.mod "$root"/bench/*/go.mod | sort -V | tail -1)
	have go || die "Go is not installed: install Go $needed or newer, from https://go.dev/dl/"
	found=$(go env GOVERSION 2>/dev/null)
	[ "$(printf '%s\n' 1.21 "${found#go}" | sort -V | head -1)" = 1.21 ] ||
		die "Go here is ${found#go}: install Go $needed or newer, from https://go.dev/dl/"
}

# can_install tells whether packages can be installed here.
can_install() { [ "$(id -u)" = 0 ] && have apt-get && [ -e /etc/debian_version ]; }

# apt_install PACKAGES WHY installs Debian packages, or says what to install and ends.
apt_install() {
	local packages=$1 why=$2 log
	can_install || die "$why: install the Debian packages \"$packages\" or their like (as root on Debian this is done for you)"
	say "installing $packages: $why"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list
	if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages >"$log" 2>&1 &&
		! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
		tail -20 "$log" >&2
		rm -f "$log"
		die "cannot install $packages"
	fi
	rm -f "$log"
}

# want PROGRAM PACKAGES WHY installs the packages unless the program is there.
want() { have "$1" || apt_install "$2" "$3"; }

# want_nginx installs nginx unless it is there, without the server of the host that its
# package starts.
want_nginx() {
	have nginx && return
	apt_install nginx "to stand before Loki as it does at many"
	service nginx stop >/dev/null 2>&1 || true
}

version() { git -C "$root" describe --tags --always --dirty 2>/dev/null || echo dev; }

build_lighterman() {
	need_go
	say "building bin/lighterman"
	(cd "$root" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=$(version)" -o bin/lighterman ./cmd/lighterman)
}

# module_version FILE MODULE prints the version that a go.mod requires.
module_version() {
	local v
	v=$(awk -v m="$2" '{ for (i = 1; i < NF; i++) if ($i == m) { sub(/^v/, "", $(i + 1)); print $(i + 1); exit } }' "$root/$1")
	[ -n "$v" ] || die "cannot find $2 in $1"
	echo "$v"
}

loki_path() { echo "$cache/loki-$(module_version test/loki/go.mod github.com/grafana/loki/v3)"; }
newest_path() { echo "$cache/engine-$(module_version test/newest/go.mod github.com/moby/moby/v2)-runc-$(module_version test/newest/go.mod github.com/opencontainers/runc)"; }
prometheus_path() { echo "$cache/prometheus-$(module_version test/prometheus/go.mod github.com/prometheus/prometheus)"; }
collector_path() { echo "$cache/collector-$(module_version test/collector/go.mod go.opentelemetry.io/collector/otelcol)"; }
victorialogs_path() { echo "$cache/victorialogs-$(module_version test/victorialogs/go.mod github.com/VictoriaMetrics/VictoriaLogs)"; }
compose_path() { echo "$cache/compose-$(module_version test/compose/go.mod github.com/docker/compose/v2)"; }
promtail_path() { echo "$cache/promtail-$(module_version test/promtail/go.mod github.com/grafana/loki/v3)"; }
otelcol_path() { echo "$cache/otelcol-$(module_version test/collector/go.mod go.opentelemetry.io/collector/otelcol)"; }
vlagent_path() { echo "$cache/vlagent-$(module_version bench/vlagent/go.mod github.com/VictoriaMetrics/VictoriaLogs)"; }
lint_path() { echo "$cache/golangci-lint-$(module_version test/lint/go.mod github.com/golangci/golangci-lint/v2)"; }

# build_tool DIRECTORY PACKAGE OUTPUT MINUTES [CGO] builds a program of another
# module into the cache, once: a second caller waits for the first. CGO=1 is for
# what is not Go alone.
build_tool() {
	local dir=$1 package=$2 out=$3 minutes=$4 cgo=${5:-0}
	[ -x "$out" ] && return
	need_go
	mkdir -p "$(dirname "$out")"
	(
		flock 9
		[ -x "$out" ] && exit
		say "building $(basename "$out") from its Go module into $cache: $minutes minutes on two cores"
		trap 'rm -f "$out.tmp"' EXIT
		cd "$root/$dir" || exit
		CGO_ENABLED=$cgo go build -trimpath -ldflags '-s -w' -o "$out.tmp" "$package" 9>&-
		mv "$out.tmp" "$out"
	) 9>"$out.lock"
}
build_loki() {
	local out
	out=$(loki_path)
	build_tool test/loki github.com/grafana/loki/v3/cmd/loki "$out" "five to seven"
}
# build_promtail builds Promtail, whose main its makers publish no more: ours is in
# test/promtail/whole. It reads the journal with libsystemd, whose header that takes.
build_promtail() {
	local out header=/usr/include/systemd/sd-journal.h
	out=$(promtail_path)
	[ -x "$out" ] && return
	[ -e $header ] || apt_install libsystemd-dev "for Promtail to read the journal"
	want gcc "gcc libc6-dev" "for Promtail to read the journal"
	GOFLAGS="$GOFLAGS -tags=promtail_journal_enabled" build_tool test/promtail ./whole "$out" "five to fifteen" 1
}
# build_otelcol builds the OpenTelemetry Collector, with no more in it than the benchmark takes.
build_otelcol() {
	local out
	out=$(otelcol_path)
	build_tool test/collector ./files "$out" "three to five"
}
build_vlagent() {
	local out
	out=$(vlagent_path)
	build_tool bench/vlagent github.com/VictoriaMetrics/VictoriaLogs/app/vlagent "$out" "one to two"
}
# build_newest builds the newest engine, and the runc that it needs beside it.
build_newest() {
	local out
	out=$(newest_path)
	build_tool test/newest github.com/moby/moby/v2/cmd/dockerd "$out/dockerd" "two to four"
	build_tool test/newest github.com/opencontainers/runc "$out/runc" "less than one" 1
}
# build_prometheus builds Prometheus and promtool, without the discovery of clouds, which
# would take most of the time.
build_prometheus() {
	local out
	out=$(prometheus_path)
	GOFLAGS="$GOFLAGS -tags=remove_all_sd" build_tool test/prometheus github.com/prometheus/prometheus/cmd/prometheus "$out/prometheus" "two to four"
	GOFLAGS="$GOFLAGS -tags=remove_all_sd" build_tool test/prometheus github.com/prometheus/prometheus/cmd/promtool "$out/promtool" "one to two"
}
# build_collector builds an OpenTelemetry Collector of the parts that the tests take.
build_collector() {
	local out
	out=$(collector_path)
	build_tool test/collector ./otlp "$out" "two to three"
}
build_victorialogs() {
	local out
	out=$(victorialogs_path)
	build_tool test/victorialogs github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs "$out" "one to two"
}
# build_compose builds Docker Compose, as Debian's is of before Compose's files were what they are.
build_compose() {
	local out
	out=$(compose_path)
	build_tool test/compose github.com/docker/compose/v2/cmd "$out" "three to five"
}
build_lint() {
	local out
	out=$(lint_path)
	build_tool test/lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint "$out" "two to three"
}

# build_debian NAME [PACKAGES [MORE]] makes a bare Debian in the cache, for packages to be
# installed on, with what else is named; MORE is by apt, as debootstrap knows no alternatives.
build_debian() {
	local out=$cache/$1 more=${2-} later=${3-}
	[ -d "$out" ] && return
	want debootstrap debootstrap "a bare Debian for the packages"
	mkdir -p "$(dirname "$out")"
	(
		flock 9
		[ -d "$out" ] && exit
		say "making a bare Debian in $out: less than a minute"
		trap 'rm -rf "$out.tmp"' EXIT
		debootstrap --variant=minbase ${more:+"--include=$more"} bookworm "$out.tmp" >"$out.log" 2>&1 9>&- || { tail -5 "$out.log" >&2 && die "cannot make a bare Debian"; }
		if [ -n "$later" ]; then
			# shellcheck disable=SC2086 # a list
			chroot "$out.tmp" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $later >>"$out.log" 2>&1 9>&- || { tail -5 "$out.log" >&2 && die "cannot install $later in it"; }
		fi
		mv "$out.tmp" "$out"
	) 9>"$out.lock"
}

# --- Docker -----------------------------------------------------------------

engine_answers() { have docker && timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

engine_dir= # directory of the private engine that start_engine started
engine_pid=

# need_engine DIRECTORY sees to it that `docker` reaches an engine: the one that
# answers already, or else a private one in a new directory.
need_engine() {
	if ! have docker; then
		say "there is no docker command"
		apt_install docker.io "Docker's command line and engine"
		have docker || apt_install docker-cli "Docker's command line" # a package of its own since Debian 13
		# A package's start script may be on its way.
		for _ in 1 2 3 4 5; do
			if engine_answers; then break; fi
			sleep 1
		done
	fi
	if engine_answers; then
		say "using the Docker Engine at ${DOCKER_HOST:-the default socket}, version $(docker version --format '{{.Server.Version}}')"
		return
	fi
	say "no Docker Engine answers at ${DOCKER_HOST:-the default socket}"
	[ "$(id -u)" = 0 ] || die "start Docker (https://docs.docker.com/engine/install/), or let this user reach it, or run this as root on Debian: then a private engine is started"
	want dockerd docker.io "the Docker Engine"
	want ip iproute2 "for the private engine's loopback interface"
	start_engine "$1"
}

# start_engine DIRECTORY starts an engine of our own and sets DOCKER_HOST. Its
# network namespace keeps it from deleting the docker0 bridge of another engine.
start_engine() {
	engine_dir=$1
	mkdir -p "$engine_dir"
	if ! grep -q ' cgroup2\? ' /proc/mounts; then
		say "mounting the control groups, which containers need"
		mount -t cgroup2 none /sys/fs/cgroup
	fi
	say "starting a private Docker Engine in $engine_dir, in a network namespace of its own"
	echo '{}' >"$engine_dir/daemon.json"
	# shellcheck disable=SC2016 # the inner shell expands it
	setsid unshare --net sh -c 'ip link set lo up; exec "$@"' sh \
		dockerd --config-file "$engine_dir/daemon.json" --data-root "$engine_dir/data" --exec-root "$engine_dir/exec" \
		--pidfile "$engine_dir/pid" -H "unix://$engine_dir/docker.sock" --storage-driver vfs \
		--bridge none --iptables=false --ip6tables=false </dev/null >>"$engine_dir/log" 2>&1 7>&- 8>&- 9>&- &
	engine_pid=$!
	export DOCKER_HOST=unix://$engine_dir/docker.sock
	for _ in $(seq 300); do
		engine_answers && return
		kill -0 "$engine_pid" 2>/dev/null || break
		sleep 0.1
	done
	tail -20 "$engine_dir/log" >&2
	die "the private engine does not answer"
}

# remove_engine DIRECTORY ends the private engine in a directory and deletes it.
remove_engine() {
	local dir=$1 pid
	[ -n "$dir" ] && [ -d "$dir" ] || return 0
	say "removing the private Docker Engine in $dir"
	pid=$(cat "$dir/pid" 2>/dev/null || true)
	if [ -n "$pid" ] && grep -qsF -- "$dir/" "/proc/$pid/cmdline"; then
		DOCKER_HOST=unix://$dir/docker.sock docker ps -aq 2>/dev/null |
			DOCKER_HOST=unix://$dir/docker.sock xargs -r docker rm -f >/dev/null 2>&1 || true
		kill "$pid" 2>/dev/null || true
		await_end "$pid" 300
		kill -9 "$pid" 2>/dev/null || true
	fi
	# What is left when the engine was killed: the shims and, their children, the
	# containers.
	local proc children
	for proc in /proc/[0-9]*; do
		if grep -qsF -- "$dir/exec" "$proc/cmdline"; then
			children=$(cat "$proc"/task/*/children 2>/dev/null || true)
			# shellcheck disable=SC2086 # a list
			kill -9 "${proc#/proc/}" $children 2>/dev/null || true
		fi
	done
	awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | while read -r point; do umount -l "$point" || true; done
	rm -rf --one-file-system "$dir" || say "cannot remove $dir"
}

# --- journald ---------------------------------------------------------------

journal=/run/systemd/journal/socket
journald_pid= # the journald that start_journald started
journal_lock=/run/lighterman-journald.lock

journald_accepts() { [ -S $journal ] && systemd-cat true 2>/dev/null; }

start_journald() {
	[ -x /lib/systemd/systemd-journald ] || { can_install && apt_install systemd "journald, for the log driver of that name"; }
	if ! grep -qsE '^[0-9a-f]{32}$' /etc/machine-id; then
		say "making /etc/machine-id, which journald needs"
		systemd-machine-id-setup >/dev/null 2>&1
	fi
	say "starting journald by hand, for the log driver of that name"
	mkdir -p /run/systemd/journal /run/log/journal
	setsid /lib/systemd/systemd-journald </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- &
	local pid=$!
	for _ in $(seq 100); do
		journald_accepts && break
		sleep 0.1
	done
	journald_accepts || return 1
	journald_pid=$pid
}

# use_journald sees to it that journald accepts, as long as this shell lives: a
# journald that was started by hand is ended by the last of its users, in
# release_journald. Without root it does what it can: nothing.
use_journald() {
	if [ "$(id -u)" != 0 ]; then
		journald_accepts
		return
	fi
	exec 7>>$journal_lock.start 8>>$journal_lock
	flock 7 # alone while looking and starting
	flock -s 8
	local ok=0
	if ! journald_accepts; then
		if start_journald; then echo "$journald_pid" >$journal_lock.pid; else ok=1; fi
	fi
	exec 7>&-
	return $ok
}

# stop_journald PID ends a journald that start_journald started.
stop_journald() {
	grep -qs systemd-journal "/proc/$1/comm" || return 0
	say "stopping the journald that was started by hand"
	kill "$1" 2>/dev/null || true
	await_end "$1" 50
	rm -rf $journal # what is left of it accepts nothing
}

release_journald() {
	[ "$(id -u)" = 0 ] && [ -e $journal_lock.pid ] && { true >&8; } 2>/dev/null || return 0
	exec 7>>$journal_lock.start
	flock 7
	if flock -n 8; then # nobody else uses it
		stop_journald "$(cat $journal_lock.pid)"
		rm -f $journal_lock.pid
	fi
	exec 7>&- 8>&-
}

# --- all that the tests need -------------------------------------------------

prepare_tests() {
	need_go
	want ip iproute2 "for private engines in the tests"
	want rsyslogd rsyslog "a real receiver for the syslog driver"
	want logrotate logrotate "to rotate files of the host as hosts do"
	want rootlesskit rootlesskit "for an engine that belongs to a user without rights"
	want newuidmap uidmap "for that user's further IDs"
	want unshare util-linux "for private engines in the tests"
	want gcc "gcc libc6-dev" "for Go's race detector"
	want dockerd docker.io "the Docker Engine that the tests kill and restart"
	want chromium chromium "to see pages as people do"
	want tmux tmux "to see what a terminal shows"
	want_nginx
	build_loki
	build_newest
	build_prometheus
	build_collector
	build_victorialogs
}

# Every target is a script or one command; `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help build release test test-release docs-check test-quick test-engines test-fleet torture verify-large compare soak lint bench bench-quick bench-peers fuzz demo demo-loki promtail clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+): .*## (.*)/  \1\t\2/p' Makefile | expand -t 16

build: ## build bin/lighterman, one static binary
	@scripts/build

release: ## binaries, packages and images of a release in dist, from the tag; RELEASE_ARCHES="amd64 …" for some
	@scripts/release

test: ## all tests, with real Docker engines and a real Loki; installs what is missing (root, Debian)
	@scripts/test

test-release: ## make releases, and try packages, unit and image
	@scripts/test-release

docs-check: ## what README and docs say, held against the program: commands, settings, links, figures; a part of make test
	@go test -count=1 ./test/docs

test-quick: ## the tests that need nothing but Go; the others are skipped
	@go test ./...

test-engines: ## all tests that need a Docker Engine, on the installed and on the newest one; TEST_ENGINES=newest for one
	@scripts/test-engines

test-fleet: ## many hosts: a Swarm of three engines from deploy/swarm.yaml, a Loki of three, and what one host means for its Loki
	@scripts/test-fleet

torture: ## faults drawn from a seed, many at once, then every line is accounted for; sets this machine's clock by a second and back; TORTURE_FAULTS=N, TORTURE_MINUTES=N, TORTURE_SEED=N, TORTURE_CLOCK=0
	@scripts/torture

verify-large: ## how long lighterman verify takes for a million lines, and what that costs; VERIFY_LINES=N
	@LIGHTERMAN_REQUIRE=1 VERIFY_LINES=$${VERIFY_LINES:-1000000} nice -n 19 go test -count=1 -timeout 12h -v -run '^TestVerifyMany$$' ./test/e2e

compare: ## stream, file, hybrid and a leaky reference on the same real containers; COMPARE_MINUTES=N, COMPARE_CONTAINERS=N, COMPARE_MIX=…
	@scripts/compare compare

soak: ## the three modes at once under churn and rotation: nothing may grow; SOAK_MINUTES=N
	@scripts/compare soak

lint: ## golangci-lint, built into the cache at first
	@scripts/lint

bench: ## lighterman, the physical floor and every collector on PATH at the same work; writes bench/results and docs/performance.md
	@scripts/bench

bench-quick: ## less than a minute of that, and one line of figures
	@scripts/bench quick

bench-peers: ## lighterman beside Promtail, the OpenTelemetry Collector and vlagent, built from their modules, and those on PATH: what arrived beside what it cost; BENCH_SMALL=1 to see that it works
	@scripts/bench peers

fuzz: ## every fuzz test for FUZZ_MINUTES minutes each (default 1)
	@scripts/fuzz

demo: ## containers on several log drivers, their lines on this terminal; DEMO_SECONDS=N ends by itself
	@scripts/demo terminal

demo-loki: ## the same into a real local Loki
	@scripts/demo loki

promtail: ## build Promtail from its module; run its stages on the cases that ours are held against, and all of it beside lighterman
	@scripts/promtail

clean: ## remove bin and the images of tests and demos
	@scripts/clean

# Every target is a script or one command; `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help build test test-quick lint fuzz demo demo-loki clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+): .*## (.*)/  \1\t\2/p' Makefile | expand -t 16

build: ## build bin/lighterman, one static binary
	@scripts/build

test: ## all tests, with real Docker engines and a real Loki; installs what is missing (root, Debian)
	@scripts/test

test-quick: ## the tests that need nothing but Go; the others are skipped
	@go test ./...

lint: ## golangci-lint, built into the cache at first
	@scripts/lint

fuzz: ## every fuzz test for FUZZ_MINUTES minutes (default 1)
	@scripts/fuzz

demo: ## containers on several log drivers, their lines on this terminal; DEMO_SECONDS=N ends by itself
	@scripts/demo terminal

demo-loki: ## the same into a real local Loki
	@scripts/demo loki

clean: ## remove bin and the images of tests and demos
	@scripts/clean

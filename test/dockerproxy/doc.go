// Package dockerproxy stands between lighterman and an engine in tests: it
// counts requests, cuts log streams, and keeps what the engine has sent.
package dockerproxy

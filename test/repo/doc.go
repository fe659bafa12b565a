// Package repo finds the checkout the tests run in and builds its programs,
// each once per test process.
package repo

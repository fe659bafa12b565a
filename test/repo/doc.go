// Package repo finds the checkout the tests run in and builds its programs,
// each once per test process, or with LIGHTERMAN_BUILT once for all of them.
package repo

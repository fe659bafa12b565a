// Package e2e holds the tests of the whole program against a real engine and a
// real Loki: what Docker stored is what Loki returns, once.
package e2e

// Package archtest holds the table of which internal package may import which,
// and the test that compares it with the code.
package archtest

// Package outside lets a program that is no test use what is made for tests, such
// as a private engine: it stands in for testing.T.
package outside

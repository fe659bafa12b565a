// Package memgroup runs programs of tests in memory control groups, of either version, as
// containers and units are.
package memgroup

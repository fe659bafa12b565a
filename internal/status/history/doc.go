// Package history keeps samples of how lighterman did over the last hour, and makes of them
// what is plotted: rates, percentiles and highest values per step. It is pure.
package history

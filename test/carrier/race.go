//go:build race

package carrier

// underRace tells that the test itself has the race detector in it.
const underRace = true

//go:build !race

package carrier

const underRace = false

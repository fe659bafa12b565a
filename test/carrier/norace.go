//go:build !race

package carrier

var buildArgs []string

const cgo = false

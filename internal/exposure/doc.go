// Package exposure says who beside the operator could see logs and secrets: what of a configuration
// is not secure (insecure.go), and what protects the listener (access.go).
package exposure

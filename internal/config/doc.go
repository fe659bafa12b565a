// Package config turns flags, environment variables and a YAML file into one
// validated Config. A single table of settings drives parsing, defaults, the
// help text, the effective configuration and the reference documentation.
package config

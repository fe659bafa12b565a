// Package settings makes configurations for tests, as a file has them.
package settings

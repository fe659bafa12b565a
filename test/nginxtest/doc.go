// Package nginxtest runs a real nginx for tests, before something else.
package nginxtest

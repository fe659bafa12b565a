// Package docker speaks to the engine through one shared client: list, inspect,
// events and logs. A second client would keep an idle connection and two
// goroutines of its own; one for every request is how collectors come to leak.
package docker

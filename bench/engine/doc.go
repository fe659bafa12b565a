// Package engine answers like a Docker Engine for the containers of a generated
// directory, as far as log collectors ask: ping, version, info, list, inspect,
// events and logs. Nothing ever happens to its containers.
package engine

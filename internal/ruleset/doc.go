// Package ruleset compiles the stages of a configuration, and keeps those of the configurations
// that there were, with the time from which on each is in force: in stages.json of the state
// directory, before they take effect. So a line that is read again goes through the same stages
// as the first time.
package ruleset

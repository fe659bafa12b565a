// Package docs runs the commands of the README and of docs, as far as that is possible
// without the Loki that they name.
package docs

// Package owner reads what the owner of a container asks for in its labels, lighterman.NAME,
// as far as the operator honours that. Whoever may start a container writes them, so every
// value is bounded, and a mistake costs nothing but the label that it is in: it is said, and
// the rest works.
//
// What comes of it is a function of the container's labels and of the configuration. The
// labels of a container never change; those that change lines become part of logs.Labels,
// which go by the time of an entry.
package owner

// Package route decides how a container's log is read, and says why in words.
package route

// Package terminal runs programs in terminals: one that the test itself is behind, and one
// of tmux, which draws as people see it.
package terminal

// Package sample shows package suggest what containers have written, as it would be sent, and what
// is known of the files of their logs (stored.go): for the command suggest.
package sample

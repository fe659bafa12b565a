// Package verify compares what is stored of each log with what each output has of it (by package audit), for the command
// verify and, again and again, for the service (loop.go): logs whose lines have times (verify.go), and
// files of the host, whose lines have none (file.go).
package verify

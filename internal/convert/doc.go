// Package convert makes a configuration of lighterman out of one of Promtail or Alloy, and
// says what could not be carried, with the place, the reason and the cure.
//
// Promtail and Alloy read a file into the same plan: what is asked of Loki, and the sources
// of lines, each with rules, labels and stages. What follows knows neither of the two:
//
//	promtail.go, client.go, scrape.go   a file of Promtail's → plan
//	alloy*.go                           a file of Alloy's → plan
//	envelope.go                         stages over Docker's own files → stages over lines
//	rules.go, stages.go, filters.go     what of a source can be carried, and how
//	files.go, hostfiles.go              Docker's own files as containers; files of the host
//	merge.go                            all sources that read containers → one list of rules
//	write.go                            plan → text
//	positions.go                        where the old collector has stopped
//
// A source is sorted by what it reads (source.go): containers are carried, everything else
// goes through carryOther, which names it.
//
// Nothing is guessed. What has no equal is left out and is a finding, and the result is then
// not whole. What is carried and yet is not quite the same is a note.
package convert

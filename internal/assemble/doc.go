// Package assemble turns the records of one container into entries, the same on
// every route: it joins the parts of long lines, tells identical lines with
// the same timestamp apart, cuts lines that are too long, replaces bytes that
// are no UTF-8, and after a resume leaves out what was handed over before. It
// is pure: records in, entries out.
package assemble

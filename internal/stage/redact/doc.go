// Package redact takes secrets and personal data out of lines: tokens with a well-known
// beginning, numbers of payment cards, mail addresses, addresses of hosts, and what
// patterns of one's own find. One pass over the line looks for bytes that any of them must
// have; only there it looks closer. A line without a match is not copied.
package redact

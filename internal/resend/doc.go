// Package resend sends what is stored of containers again, as far as Loki lacks it, for the command
// resend: several containers (resend.go), and the past of one (rerun.go): what was read of it waits
// (past.go) until Loki was asked for it, and what Loki lacks is handed to what sends (sender.go). It
// runs beside the service, and changes nothing of what that remembers.
package resend

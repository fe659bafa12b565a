// Package suggest proposes configuration for what containers write: it is shown lines of a
// container, as they would be sent now, and says with figures what is worth a setting.
//
//	s := suggest.New(subject)     // a container
//	s.Add(line)                   // per line, or entry where lines are joined already
//	findings := s.End(storage)    // what was found
//	report.Configuration(w)       // as YAML that check takes
//
// It is pure, and does not depend on the clock. What it remembers of a container is bounded,
// whatever the lines are: kinds of noise, fields, and values of each.
//
// # What is said, and what is not
//
// A proposal is made where a rule can be written down that is right for what was seen, and
// only from some lines on (thresholds.go). What an operator alone can decide is proposed as a
// comment. Nothing of a line gets into a proposal but the paths of health checks, names of
// fields, and repeated texts of plain words: all of them are checked against a form first, and
// names of fields for what package redact finds.
//
// What package redact finds is looked at once more (secrets.go): it has to take out too much
// rather than too little, and here a false alarm is worse. So the numbers of cards count only
// where most numbers of that form have a right check digit, files and units of systemd are no
// mail addresses, and addresses of private networks no personal data.
package suggest

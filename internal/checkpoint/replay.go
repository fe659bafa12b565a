package checkpoint

// replay applies the changes of the log that were made after the positions that
// were read. They are told by their mark; at a mark of equal positions later in
// the log, all was as it is in them. A log without the mark is another's: it was
// not on disk when the power was cut, or somebody has put back older positions.
func (s *Store) replay() {
	found := false
	var changes []change
	err := readLog(s.dir, func(c change) {
		switch {
		case c.kind == changeMark && c.mark == s.base:
			found, changes = true, changes[:0]
		case c.kind != changeMark && found:
			changes = append(changes, c)
		}
	})
	if err != nil {
		s.log.Warn("the log of positions has an end that is not sound: what was delivered then is sent again, and "+
			"Loki keeps it only once", "error", err)
	}
	for i := range changes {
		s.apply(&changes[i])
	}
}

// apply makes a change again. It counts as made since the last save, which it was.
func (s *Store) apply(c *change) {
	if c.kind == changeForget {
		s.forget(c.record.ID)
		return
	}
	r := s.record(c.record.ID)
	r.setPosition(c.record.Position)
	if c.kind == changeRecord {
		r.setLabels(c.record.Labels)
		r.relabelled = true
	}
	s.note(c.record.ID)
	s.changed()
}

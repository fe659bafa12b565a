package config

// TakesValue reports whether a flag, without its hyphens, is one of run's that the argument
// behind it belongs to.
func TakesValue(flag string) bool {
	s := find(settings, flag)
	return s != nil && s.kind != kindBool
}

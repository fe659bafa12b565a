package config

import "strings"

// Nearest returns the known name that was most likely meant, or nothing when
// none is near. Case, and underscores in place of hyphens, do not count.
func Nearest(name string, known []string) string {
	name = plain(name)
	best, least := "", 2+len(name)/4
	for _, k := range known {
		if d := distance(name, plain(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

func plain(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// distance is the number of letters to add, drop or change to get from a to b.
// Names that are far too long are not worth the work.
func distance(a, b string) int {
	if len(a) > 2*len(b)+8 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// hint is the end of an error about an unknown name.
func hint(name string, known []string, quote func(string) string) string {
	if near := Nearest(name, known); near != "" {
		return "; did you mean " + quote(near) + "?"
	}
	return `; "lighterman run --help" lists what there is`
}

package nearest

import "strings"

// Name returns the known name that was most likely meant, or nothing when none is near.
// Case, and underscores in place of hyphens, do not count.
func Name(name string, known []string) string {
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

// distance is the number of letters to add, drop, change, or swap with the next one, to
// get from a to b. Names that are far too long are not worth the work.
func distance(a, b string) int {
	if len(a) > 2*len(b)+8 {
		return len(a)
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

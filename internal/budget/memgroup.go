package budget

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// groupMemory returns how much memory the control groups of this process allow, of
// version 1 or 2, and the file that says so: the smallest limit of the group and of all
// above it that can be seen; 0 for no limit. root is that of the file system.
func groupMemory(root string) (limit int64, from string) {
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0, ""
	}
	mounts, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return 0, ""
	}
	for _, m := range memoryMounts(mounts) {
		for _, dir := range m.dirs(groupOf(own, m.v2)) {
			for _, name := range m.files() {
				file := filepath.Join(m.at, dir, name)
				if found := readLimit(filepath.Join(root, file)); found > 0 && (limit == 0 || found < limit) {
					limit, from = found, file
				}
			}
		}
	}
	return limit, from
}

// groupMount is where a hierarchy with limits of memory is mounted.
type groupMount struct {
	v2 bool
	// of is the group that at shows: in a container without a namespace of its own it is
	// the container's.
	of, at string
}

// memoryMounts finds them in a mountinfo file.
func memoryMounts(mountinfo []byte) (all []groupMount) {
	for lines := bufio.NewScanner(bytes.NewReader(mountinfo)); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(place) < 5 || len(kind) < 3 {
			continue
		}
		m := groupMount{v2: kind[0] == "cgroup2", of: unescapeMount(place[3]), at: unescapeMount(place[4])}
		if m.v2 || kind[0] == "cgroup" && hasController(kind[2], "memory") {
			all = append(all, m)
		}
	}
	return all
}

// unescapeMount undoes what the kernel does to blanks in paths.
func unescapeMount(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

func hasController(list, name string) bool {
	for controller := range strings.SplitSeq(list, ",") {
		if controller == name {
			return true
		}
	}
	return false
}

// groupOf finds the path of this process's group in a cgroup file.
func groupOf(cgroup []byte, v2 bool) string {
	for line := range strings.Lines(string(cgroup)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if v2 && parts[0] == "0" && parts[1] == "" || !v2 && hasController(parts[1], "memory") {
			return parts[2]
		}
	}
	return "/"
}

// dirs returns the directories of a group and of all above it, as seen below the mount.
func (m groupMount) dirs(group string) []string {
	below, err := filepath.Rel(m.of, group)
	if err != nil || below == ".." || strings.HasPrefix(below, "../") {
		below = "." // another namespace's path: what is mounted is all that can be seen
	}
	dirs := []string{below}
	for below != "." {
		below = filepath.Dir(below)
		dirs = append(dirs, below)
	}
	return dirs
}

func (m groupMount) files() []string {
	if m.v2 {
		return []string{"memory.max", "memory.high"}
	}
	return []string{"memory.limit_in_bytes", "memory.stat"}
}

// unlimited is from where on a limit is none: version 1 has a number for it.
const unlimited = 1 << 60

// readLimit reads a limit; 0 for none. In version 1 the statistics have the smallest one
// of the whole hierarchy, also where the groups above cannot be seen.
func readLimit(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	value := string(bytes.TrimSpace(text))
	if filepath.Base(path) == "memory.stat" {
		_, rest, ok := strings.Cut("\n"+value, "\nhierarchical_memory_limit ")
		if !ok {
			return 0
		}
		value, _, _ = strings.Cut(rest, "\n")
	}
	limit, err := strconv.ParseInt(value, 10, 64)
	if err != nil || limit >= unlimited {
		return 0
	}
	return limit
}

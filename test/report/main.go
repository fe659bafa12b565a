package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// event is one line of `go test -json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string
	Output     string
	Elapsed    float64
}

// slow is the number of seconds from which a passed test is named.
const slow = 20

func report(r io.Reader, w io.Writer) (bool, error) {
	output := map[[2]string][]string{}
	var failed, skipped []string
	passed := 0
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			break
		}
		var e event
		if json.Unmarshal(line, &e) != nil { // not from a test: show it as it is
			fmt.Fprintf(w, "%s", line)
			continue
		}
		key := [2]string{e.Package + e.ImportPath, e.Test}
		text := func() string { return strings.Join(output[key], "") }
		name := e.Package + "." + e.Test
		switch e.Action {
		case "output", "build-output":
			output[key] = append(output[key], e.Output)
			continue
		case "build-fail":
			failed = append(failed, e.ImportPath+" (build)")
			fmt.Fprint(w, text())
		case "fail":
			if e.Test == "" {
				name = e.Package
				fmt.Fprintf(w, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
			}
			failed = append(failed, name)
			fmt.Fprint(w, text())
		case "skip":
			if e.Test != "" { // else a package without tests
				skipped = append(skipped, name)
				fmt.Fprint(w, text())
			}
		case "pass":
			if e.Test == "" {
				fmt.Fprintf(w, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
				break
			}
			passed++
			if e.Elapsed >= slow {
				fmt.Fprintf(w, "      %s took %.0f s\n", e.Test, e.Elapsed)
			}
		default:
			continue
		}
		delete(output, key)
	}
	// What ended without a word, as after a panic or a killed process.
	for key, text := range output {
		if len(failed) > 0 {
			fmt.Fprintf(w, "--- %s %s\n%s", key[0], key[1], strings.Join(text, ""))
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, len(failed), len(skipped))
	for _, name := range failed {
		fmt.Fprintln(w, "  failed:", name)
	}
	for _, name := range skipped {
		fmt.Fprintln(w, "  skipped, which counts as a failure:", name)
	}
	return len(failed) == 0 && len(skipped) == 0, nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: lokicat URL QUERY LINES")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "lokicat:", err)
		os.Exit(1)
	}
}

type entry struct {
	time                    int64
	container, stream, line string
}

func run(base, query, limit string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	address := base + "/loki/api/v1/query_range?" + url.Values{"query": {query}, "limit": {limit}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("cannot query Loki: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct {
		Data struct {
			Result []struct {
				Stream map[string]string `json:"stream"`
				Values [][2]string       `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("cannot query Loki: %s", answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return fmt.Errorf("cannot read Loki's answer: %w", err)
	}
	var entries []entry
	for _, r := range body.Data.Result {
		for _, v := range r.Values {
			at, err := strconv.ParseInt(v[0], 10, 64)
			if err != nil {
				return fmt.Errorf("cannot read Loki's answer: %w", err)
			}
			entries = append(entries, entry{at, r.Stream["container"], r.Stream["stream"], v[1]})
		}
	}
	if len(entries) == 0 {
		return fmt.Errorf("no line for %s", query)
	}
	slices.SortFunc(entries, func(a, b entry) int { return int(a.time - b.time) })
	for _, e := range entries {
		fmt.Fprintf(w, "  %s  %s  %s  %s\n", time.Unix(0, e.time).UTC().Format("15:04:05.000000000"), e.container, e.stream, visible(e.line))
	}
	return nil
}

// visible makes a line safe for a terminal: control characters become carets.
func visible(line string) string {
	var b strings.Builder
	for _, r := range strings.TrimRight(line, "\r") {
		switch {
		case r < 0x20 && r != '\t':
			b.WriteString("^" + string(r+'@'))
		case r == 0x7f:
			b.WriteString("^?")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

package carrier

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Metrics are the samples of one scrape, by name with labels as the text has
// them: `lighterman_lines_total{route="file"}`.
type Metrics map[string]float64

// Sum adds up the samples of a metric whose labels include all the given pairs,
// each written as `route="file"`.
func (m Metrics) Sum(name string, pairs ...string) float64 {
	var sum float64
next:
	for sample, value := range m {
		rest, ok := strings.CutPrefix(sample, name)
		if !ok || rest != "" && rest[0] != '{' {
			continue
		}
		for _, pair := range pairs {
			if !strings.Contains(rest, "{"+pair) && !strings.Contains(rest, ","+pair) {
				continue next
			}
		}
		sum += value
	}
	return sum
}

// parse reads Prometheus' text format, without timestamps.
func parse(r io.Reader) (Metrics, error) {
	m := Metrics{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		if space < 0 {
			return nil, fmt.Errorf("cannot read the sample %q", line)
		}
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read the sample %q: %w", line, err)
		}
		m[line[:space]] = value
	}
	return m, lines.Err()
}

// Command promtail runs lines through Promtail's own pipeline stages, so that ours can be
// held against them. It reads one case of JSON per line and writes one result for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v2"

	"github.com/grafana/loki/v3/clients/pkg/logentry/stages"
	"github.com/grafana/loki/v3/clients/pkg/promtail/api"
	"github.com/grafana/loki/v3/pkg/logproto"
)

// line is what goes in and comes out.
type line struct {
	Time     int64             `json:"time"`
	Labels   map[string]string `json:"labels"`
	Metadata map[string]string `json:"metadata"`
	Text     string            `json:"text"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(in)
	for decoder.More() {
		var c struct {
			Stages string
			Lines  []line
		}
		if err := decoder.Decode(&c); err != nil {
			return err
		}
		result, err := through(c.Stages, c.Lines)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if err := out.Encode(map[string]any{"lines": result, "error": text}); err != nil {
			return err
		}
	}
	return nil
}

func through(text string, lines []line) ([]line, error) {
	var list stages.PipelineStages
	if err := yaml.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	p, err := stages.NewPipeline(log.NewNopLogger(), list, nil, prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	in := make(chan stages.Entry)
	out := p.Run(in)
	go func() {
		defer close(in)
		for _, l := range lines {
			e := stages.Entry{Extracted: map[string]any{}, Entry: api.Entry{
				Labels: model.LabelSet{}, Entry: logproto.Entry{Timestamp: time.Unix(0, l.Time), Line: l.Text}}}
			for k, v := range l.Labels {
				e.Labels[model.LabelName(k)] = model.LabelValue(v)
			}
			in <- e
		}
	}()
	var result []line
	for e := range out {
		l := line{Time: e.Timestamp.UnixNano(), Labels: map[string]string{}, Metadata: map[string]string{}, Text: e.Line}
		for k, v := range e.Labels {
			l.Labels[string(k)] = string(v)
		}
		for _, m := range e.StructuredMetadata {
			l.Metadata[m.Name] = m.Value
		}
		result = append(result, l)
	}
	sort.SliceStable(result, func(i, j int) bool { return result[i].Time < result[j].Time })
	return result, nil
}

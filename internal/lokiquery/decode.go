package lokiquery

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Entry is what Loki has.
type Entry struct {
	// Labels are those of its stream, which other entries have, too.
	Labels map[string]string
	// Time is in Unix nanoseconds.
	Time int64
	Line string
	// Metadata is its structured metadata; nil for none.
	Metadata map[string]string
}

// decodeEntries reads the answer to a query, in the order of time.
func decodeEntries(answer []byte) ([]Entry, error) {
	var body struct {
		Status string `json:"status"`
		Data   struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Stream map[string]string `json:"stream"`
				Values []value           `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return nil, unexpected(err)
	}
	if body.Status != "success" || body.Data.ResultType != "streams" {
		return nil, unexpected(fmt.Errorf("it has the status %.40q and the result type %.40q", body.Status, body.Data.ResultType))
	}
	var out []Entry
	for _, stream := range body.Data.Result {
		for _, v := range stream.Values {
			out = append(out, Entry{Labels: stream.Stream, Time: v.time, Line: v.line, Metadata: v.metadata})
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return cmp.Compare(a.Time, b.Time) })
	return out, nil
}

func unexpected(err error) error {
	return fmt.Errorf("this is no answer of Loki's query API, check the URL and its path: %w", err)
}

// value is ["<nanoseconds>", "<line>", {"structuredMetadata": {…}}], the last of which need
// not be there.
type value struct {
	time     int64
	line     string
	metadata map[string]string
}

var errValue = errors.New("a value is no array of a time and a line")

// UnmarshalJSON implements json.Unmarshaler.
func (v *value) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) < 2 {
		return errValue
	}
	var at string
	if json.Unmarshal(parts[0], &at) != nil || json.Unmarshal(parts[1], &v.line) != nil {
		return errValue
	}
	var err error
	if v.time, err = strconv.ParseInt(at, 10, 64); err != nil {
		return errValue
	}
	if len(parts) > 2 {
		var more struct {
			Metadata map[string]string `json:"structuredMetadata"`
		}
		if json.Unmarshal(parts[2], &more) != nil {
			return errValue
		}
		v.metadata = more.Metadata
	}
	return nil
}

// decodeStreams reads the answer to the question which streams there are.
func decodeStreams(answer []byte) ([]map[string]string, error) {
	var body struct {
		Status string              `json:"status"`
		Data   []map[string]string `json:"data"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return nil, unexpected(err)
	}
	if body.Status != "success" {
		return nil, unexpected(fmt.Errorf("it has the status %.40q", body.Status))
	}
	return body.Data, nil
}

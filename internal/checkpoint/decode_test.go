package checkpoint

import (
	"bytes"
	"reflect"
	"testing"
)

// file encodes records as Save does.
func file(records []Record) []byte {
	data := appendHeader(nil)
	for _, r := range records {
		own := newRecord(r.ID)
		own.setPosition(r.Position)
		own.setLabels(r.Labels)
		data = own.appendLine(data)
	}
	return append(data, trailer(data, len(records))...)
}

// sealed gives lines the header and the trailer that they need to pass.
func sealed(lines []byte) []byte {
	data := append(appendHeader(nil), lines...)
	return append(data, trailer(data, bytes.Count(lines, []byte("\n")))...)
}

func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":         nil,
		"another file":    []byte("#!/bin/sh\n"),
		"version 0":       []byte("lighterman-positions 0\n"),
		"only a header":   []byte("lighterman-positions 1\n"),
		"no JSON":         sealed([]byte("hello\n")),
		"no ID":           sealed([]byte("{}\n")),
		"the same twice":  sealed([]byte("{\"id\":\"a\"}\n{\"id\":\"a\"}\n")),
		"without labels":  sealed([]byte("{\"id\":\"a\",\"labels\":[{\"from\":1}]}\n")),
		"nested too deep": sealed(append(bytes.Repeat([]byte("["), 1<<20), '\n')),
	} {
		if _, err := decode(data); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
	if _, err := decode(sealed([]byte("{\"id\":\"a\",\"later\":1}\n"))); err != nil {
		t.Errorf("a field that a later lighterman added: %v", err)
	}
}

// FuzzDecode: no input makes it panic, and what it accepts survives a save.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil), false)
	f.Add(file([]Record{{ID: "a", Position: position(5), Labels: []LabelsSince{{Labels: labels("a")}}}}), false)
	f.Add([]byte("{\"id\":\"a\",\"position\":{\"newest\":[{\"time\":1}]}}\n{\"id\":\"b\"}\n"), true)
	f.Add([]byte("lighterman-positions 2\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = sealed(data)
		}
		records, err := decode(data)
		if err != nil {
			return
		}
		first := file(records)
		again, err := decode(first)
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if !bytes.Equal(first, file(again)) || len(records) != len(again) {
			t.Fatal("what was decoded changes when it is saved")
		}
		for i := range again {
			if !reflect.DeepEqual(again[i].Position.File, records[i].Position.File) {
				t.Fatal("a position changes when it is saved")
			}
		}
	})
}

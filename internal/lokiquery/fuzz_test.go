package lokiquery

import (
	"cmp"
	"slices"
	"testing"
)

// FuzzEntries: whatever is answered, nothing panics, and what is read of it is in order.
func FuzzEntries(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"a":"b"},"values":[["2","y",{"structuredMetadata":{"k":"v"}}],["1","x"]]}]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"streams","result":[{"stream":null,"values":[[1,"x"],["1"],null,{}]}]}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := decodeEntries(answer)
		if err != nil && got != nil {
			t.Fatalf("%v, and %d entries", err, len(got))
		}
		if !slices.IsSortedFunc(got, func(a, b Entry) int { return cmp.Compare(a.Time, b.Time) }) {
			t.Fatal("out of order")
		}
	})
}

// FuzzStreams: whatever is answered, nothing panics.
func FuzzStreams(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":[{"a":"b"},{}]}`))
	f.Add([]byte(`{"status":"success","data":[null,1]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := decodeStreams(answer)
		if err != nil && got != nil {
			t.Fatalf("%v, and %d streams", err, len(got))
		}
		for _, labels := range got {
			_ = Selector(labels, []string{"a"})
		}
	})
}

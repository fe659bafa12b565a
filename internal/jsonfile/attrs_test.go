package jsonfile

import (
	"slices"
	"testing"
)

// TestD1AttrsThatLookLikeARecord: a container's owner chose attrs with the names of a
// record's fields, and the record was torn wherever. They are no line of the container; but
// a record that follows one torn at that very place is.
func TestD1AttrsThatLookLikeARecord(t *testing.T) {
	const attrs = `{"log":"from attrs\n","stream":"stdout","time":"2025-11-07T11:00:00Z"}`
	whole := `{"log":"torn\n",` + someOutput + `"attrs":` + attrs + `,` + someTime
	for at := range len(whole) {
		for _, follows := range []string{"", `{"log":"next\n",` + someOutput + `"attrs":` + attrs + `,` + someTime} {
			var want []string
			if follows != "" {
				want = []string{"next\n"}
			}
			// The log's first record shows that its container has attrs.
			got := slices.DeleteFunc(all(whole + "," + whole[:at] + follows)[1:], func(s string) bool { return s == "!" })
			if !slices.Equal(got, want) {
				t.Fatalf("torn at %d, %q follows: %q", at, follows, got)
			}
		}
	}
}

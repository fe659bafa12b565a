package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// jsonlinePath is where VictoriaLogs takes objects of JSON, a line each.
const jsonlinePath = "/insert/jsonline"

// decodeJSONLine reads objects with _time, _msg, and the fields of Docker's record but for
// those that became these two. The file of the log stands for the labels.
func decodeJSONLine(message []byte, do each) error {
	for text := range bytes.Lines(message) {
		var row struct {
			Time   time.Time `json:"_time"`
			Text   string    `json:"_msg"`
			File   string    `json:"file"`
			Stream string    `json:"stream"`
		}
		if err := json.Unmarshal(text, &row); err != nil {
			return fmt.Errorf("cannot read push: %w", err)
		}
		do([]byte(row.File+" "+row.Stream), entry{row.Time.UnixNano(), []byte(row.Text)})
	}
	return nil
}

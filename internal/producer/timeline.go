package producer

import (
	"encoding/json"
	"math"
	"time"

	"github.com/lighterman/lighterman/internal/checkpoint"
	"github.com/lighterman/lighterman/internal/logs"
)

// Timeline is the label sets of a container over time. Which one an entry gets
// depends on its timestamp alone, so an entry that is sent again after a
// restart has the labels it had the first time, whatever the container is
// called by then.
type Timeline []checkpoint.LabelsSince

// LabelsDelay is how far ahead a change of labels takes effect: the timeline is
// on disk by then, and no entry with that timestamp was sent with the old ones.
const LabelsDelay = time.Second

// maxTimeline bounds the timeline of a container that is renamed again and again.
const maxTimeline = 16

// At returns the labels of a timestamp.
func (t Timeline) At(time int64) *logs.Labels {
	for i := len(t) - 1; i > 0; i-- {
		if time >= t[i].From {
			return t[i].Labels
		}
	}
	return t[0].Labels
}

// Newest returns the labels of the newest entries; nil when there are none.
func (t Timeline) Newest() *logs.Labels {
	if len(t) == 0 {
		return nil
	}
	return t[len(t)-1].Labels
}

// Encode returns the timeline in the form that is kept beside held files.
func (t Timeline) Encode() []byte {
	text, err := json.Marshal(t)
	if err != nil {
		return nil // there is nothing in it that cannot be encoded
	}
	return text
}

// DecodeTimeline is the inverse of Encode; nil for anything that is no timeline.
func DecodeTimeline(text []byte) Timeline {
	var t Timeline
	if json.Unmarshal(text, &t) != nil || len(t) == 0 || len(t) > maxTimeline {
		return nil
	}
	for i, l := range t {
		// Loki would refuse every line of a set that is not valid.
		if l.Labels == nil || !l.Labels.Valid() || i > 0 && l.From <= t[i-1].From {
			return nil
		}
	}
	return t
}

// then returns a timeline with other labels from a time on.
func (t Timeline) then(labels *logs.Labels, from time.Time) Timeline {
	if len(t) == 0 {
		return Timeline{{From: math.MinInt64, Labels: labels}}
	}
	kept := t[max(0, len(t)+1-maxTimeline):]
	return append(kept[:len(kept):len(kept)], checkpoint.LabelsSince{From: from.UnixNano(), Labels: labels})
}

package status

import "time"

// Detail is what is known of one container besides what is listed.
type Detail struct {
	Container Container `json:"container"`
	Image     string    `json:"image"`
	Running   bool      `json:"running"`
	Started   time.Time `json:"started,omitzero"`
	// Files are those of its log that are open, oldest first.
	Files []File `json:"files"`
	// Refusals are what Loki has refused for good, by reason, the last first.
	Refusals []Refusal `json:"refusals"`
	// Labels are those of its lines by stream, Metadata the structured metadata of all of
	// them, and Tenant whose they are; empty where they are not shown.
	Labels   []StreamLabels `json:"labels"`
	Metadata []Attribute    `json:"structured_metadata"`
	Tenant   string         `json:"tenant,omitempty"`
}

// Clean returns a copy that is safe to show, with empty lists where there is nothing. Labels are
// as they are in Loki, and nil where they are not shown.
func (d Detail) Clean() Detail {
	d.Image, d.Tenant = bounded(d.Image), bounded(d.Tenant)
	d.Files = append([]File{}, d.Files...)
	refusals := make([]Refusal, 0, len(d.Refusals))
	for _, r := range d.Refusals {
		message := cut(r.Message, maxMessage) // this is where all of it is
		r = r.clean()
		r.Message = message
		refusals = append(refusals, r)
	}
	d.Refusals = refusals
	return d
}

// StreamLabels are the labels of one stream in Loki.
type StreamLabels struct {
	Stream string      `json:"stream"`
	Labels []Attribute `json:"labels"`
}

// File is one of a log.
type File struct {
	Inode uint64 `json:"inode"`
	// Size is as it is stored, and Read how much of its content was read; in bytes.
	Size       int64 `json:"size"`
	Read       int64 `json:"read"`
	Compressed bool  `json:"compressed"`
	// Deleted reports whether Docker has deleted it, so that it is kept for delivery alone.
	Deleted bool `json:"deleted"`
}

// Configuration is what is in force, and how the last reload went.
type Configuration struct {
	// Text is YAML, with a comment on every key that says where its value came from, without
	// secrets.
	Text string `json:"yaml"`
	// File is that which was read, empty for none.
	File string `json:"file"`
	// Loaded is when it came into force, and Tried when it was loaded last.
	Loaded time.Time `json:"loaded"`
	Tried  time.Time `json:"tried"`
	// Problems say why what was loaded last is not in force, and Restart which settings of it
	// need a restart.
	Problems []string `json:"problems"`
	Restart  []string `json:"restart"`
}

package agent

import (
	"os"

	"github.com/lighterman/lighterman/internal/config"
	"github.com/lighterman/lighterman/internal/dispatch"
	"github.com/lighterman/lighterman/internal/logs"
	"github.com/lighterman/lighterman/internal/status"
	samples "github.com/lighterman/lighterman/internal/status/history"
	"github.com/lighterman/lighterman/internal/status/page"
	"github.com/lighterman/lighterman/internal/status/tap"
)

// newPages makes the pages of what runs, and has the server show them.
func (a Agent) newPages(s *service) {
	host, _ := os.Hostname() // without one the pages have none
	lines := tap.New()
	if s.first.config.Listener.Address != "" {
		s.first.sink.tap = lines
	}
	s.pages = page.New(page.Config{
		Host: host, State: s.server.State, Sample: s.sample, Detail: s.detail, Configuration: func() status.Configuration { return *s.reload.shown.Load() },
		Messages: a.Messages, Tap: lines, Private: func() bool { return s.showsPrivate() }, Log: a.Log,
	})
	s.server.Pages(s.pages)
}

// sample is how all stands, for plots. It costs little, whatever there is.
func (s *service) sample() samples.Sample {
	out := s.server.Sample()
	for _, g := range s.all() {
		out.LagSeconds, out.Held = max(out.LagSeconds, g.pipeline.Collector.Oldest()), out.Held+float64(g.pipeline.Dispatcher.Buffered())
	}
	return out
}

// showsPrivate reports whether whoever asks may see what the host keeps from other users.
func (s *service) showsPrivate() bool {
	switch s.first.config.Listener.Private {
	case config.PrivateAlways:
		return true
	case config.PrivateNever:
		return false
	}
	return s.server.Protected()
}

// detail is what is known of one container besides what is listed.
func (s *service) detail(id string) (out status.Detail, ok bool) {
	d, ok := s.first.pipeline.Collector.Detail(id)
	if !ok {
		return out, false
	}
	hide := s.first.config.Secrets.Scrub
	out = status.Detail{Image: d.Container.Image, Running: d.Container.Running, Started: d.Container.StartedAt.UTC()}
	for _, f := range d.Files {
		out.Files = append(out.Files, status.File{Inode: f.Inode, Size: f.Size, Read: f.Read, Compressed: f.Compressed, Deleted: f.Deleted})
	}
	for _, r := range s.first.pipeline.Dispatcher.Refusals(id) {
		out.Refusals = append(out.Refusals, status.Refusal{
			Lines: r.Lines, Time: r.At.UTC(), Reason: r.Reason, Example: r.Example, Message: hide(r.Message), Cure: dispatch.Cure(r.Reason),
		})
	}
	if !s.showsPrivate() {
		for i := range out.Refusals {
			out.Refusals[i].Message = ""
		}
	}
	if d.Labels == nil {
		return out, true
	}
	for stream := range logs.Stream(logs.Streams) {
		own := d.Labels.Of(stream)
		of := status.StreamLabels{Stream: stream.String(), Labels: pairs(own.Pairs)}
		if !own.Whole {
			of.Labels = append(of.Labels, status.Attribute{Name: "stream", Value: stream.String()})
		}
		out.Labels = append(out.Labels, of)
		if d.Container.TTY {
			break // it has one stream only
		}
	}
	out.Metadata, out.Tenant = pairs(d.Labels.Metadata), d.Labels.Tenant
	return out, true
}

func pairs(labels []logs.Label) []status.Attribute {
	out := make([]status.Attribute, 0, len(labels))
	for _, l := range labels {
		out = append(out, status.Attribute{Name: l.Name, Value: l.Value})
	}
	return out
}

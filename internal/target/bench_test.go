package target

import "testing"

// BenchmarkLabel is what a container costs when it is found or changes; lines cost nothing.
func BenchmarkLabel(b *testing.B) {
	for name, rules := range map[string]string{
		"default": `[]`,
		"rules": `[{source_labels: [__meta_docker_container_name], regex: "/(.*)", target_label: name}, {action: labelmap, regex: "__meta_docker_container_label_(t.+)"},
			{source_labels: [__meta_docker_container_label_tier], regex: front, action: keep}, {regex: image, action: labeldrop}]`,
	} {
		b.Run(name, func(b *testing.B) {
			l, c := relabeled(b, rules, nil), shop()
			if name == "default" {
				l.Relabel = nil
			}
			b.ReportAllocs()
			for b.Loop() {
				l.Label(c, nil)
			}
		})
	}
}

package monitoring

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/deploy/grafana/boards"
	"github.com/lighterman/lighterman/test/carrier"
	"github.com/lighterman/lighterman/test/dataroot"
	"github.com/lighterman/lighterman/test/wait"
)

// service is one of compose.yaml, as far as it matters here.
type service struct {
	Command []string
	Volumes []string
}

// TestCompose: what compose.yaml mounts is there, and fits together: Prometheus reads its
// configuration and the alerts, Grafana finds dashboards and the data sources that they ask
// for.
func TestCompose(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]service
		Volumes  map[string]any
	}
	read(t, "compose.yaml", &compose)
	mounted := make(map[string]string) // by service and place in it
	for name, s := range compose.Services {
		for _, volume := range s.Volumes {
			from, rest, _ := strings.Cut(volume, ":")
			at, _, _ := strings.Cut(rest, ":")
			switch {
			case strings.HasPrefix(from, "./"):
				mounted[name+":"+at] = from
				if _, err := os.Stat(filepath.Join(deploy, from)); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			case !strings.HasPrefix(from, "/"):
				if _, ok := compose.Volumes[from]; !ok {
					t.Errorf("%s mounts %s, which is no volume", name, from)
				}
			}
		}
	}

	config := "prometheus:/etc/prometheus/prometheus.yaml"
	if mounted[config] != "./prometheus.yaml" || !slices.Contains(compose.Services["prometheus"].Command, "--config.file=/etc/prometheus/prometheus.yaml") {
		t.Errorf("Prometheus has another configuration: %q", mounted[config])
	}
	text, err := os.ReadFile(deploy + "prometheus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const inside = "/etc/prometheus/alerts.yaml"
	here, err := filepath.Abs(deploy + mounted["prometheus:"+inside])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), inside) {
		t.Errorf("the configuration of Prometheus does not name %s", inside)
	}
	file := filepath.Join(t.TempDir(), "prometheus.yaml")
	write(t, file, strings.ReplaceAll(string(text), inside, here))
	if out, err := promtool(t, "check", "config", file); err != nil || !strings.Contains(out, "rules found") {
		t.Errorf("%v: %s", err, out)
	}

	var providers struct {
		Providers []struct{ Options struct{ Path string } }
	}
	read(t, "grafana/dashboards.yaml", &providers)
	dir := mounted["grafana:"+providers.Providers[0].Options.Path]
	for _, b := range boards.All() {
		if _, err := os.Stat(filepath.Join(deploy, dir, b.Name+".json")); dir == "" || err != nil {
			t.Errorf("Grafana does not find dashboard %s: %v", b.Name, err)
		}
	}
	var sources struct{ Datasources []struct{ Type, URL string } }
	read(t, "grafana/datasources.yaml", &sources)
	kinds := make(map[string]bool)
	for _, d := range sources.Datasources {
		kinds[d.Type] = true
		server, _, _ := strings.Cut(strings.TrimPrefix(d.URL, "http://"), ":")
		if _, ok := compose.Services[server]; !ok {
			t.Errorf("there is no service %q", server)
		}
	}
	if !kinds["loki"] || !kinds["prometheus"] {
		t.Errorf("data sources %v", kinds)
	}
}

// TestComposeScrape: lighterman, with the arguments that it has in compose.yaml and its
// hardened form, answers Prometheus under the name that prometheus.yaml scrapes.
func TestComposeScrape(t *testing.T) {
	t.Parallel()
	var prometheus struct {
		Scrapes []struct {
			Job     string                       `yaml:"job_name"`
			Statics []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, "prometheus.yaml", &prometheus)
	if prometheus.Scrapes[0].Job != "lighterman" {
		t.Errorf("the job is %q, and the alerts are about lighterman", prometheus.Scrapes[0].Job)
	}
	for _, name := range []string{"compose.yaml", "compose.hardened.yaml"} {
		t.Run(name, func(t *testing.T) {
			var compose struct {
				Services map[string]struct{ Command []string }
			}
			text, err := os.ReadFile(deploy + name)
			if err != nil {
				t.Fatal(err)
			}
			plain := filepath.Join(t.TempDir(), "compose.yaml")
			write(t, plain, strings.ReplaceAll(string(text), "!override", ""))
			parseFile(t, plain, &compose)
			c := carrier.Start(t, elsewhere(compose.Services["lighterman"].Command[1:], dataroot.New(t))...)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.Addr+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = prometheus.Scrapes[0].Statics[0].Targets[0]
			last := ""
			wait.For(t, patience, "an answer to "+request.Host, func() bool {
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					return false
				}
				_ = answer.Body.Close()
				last = answer.Status
				return true
			})
			if last != "200 OK" {
				t.Errorf("Prometheus would get %s", last)
			}
		})
	}
}

// elsewhere are the arguments without what they say about addresses and directories, for
// which there are others here.
func elsewhere(args []string, root *dataroot.Root) (out []string) {
	flags := []string{"--listen", "--loki-url", "--docker-host", "--docker-root", "--host-label"}
	for i := 0; i < len(args); i++ {
		flag, _, joined := strings.Cut(args[i], "=")
		if !slices.Contains(flags, flag) {
			out = append(out, args[i])
		} else if !joined {
			i++ // its value
		}
	}
	return root.Args(append(out, "--loki-url", "http://127.0.0.1:1")...)
}

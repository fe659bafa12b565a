//go:build promtail

package sidebyside

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/lighterman/lighterman/test/engine"
)

// box is a container of the crowd, whose names and labels are those that files ask for.
type box struct {
	name    string
	labels  map[string]string
	driver  string
	opts    map[string]string
	network string
	ports   []string
	tty     bool
	// args are those of logwriter, and say is what it writes, a line each.
	args []string
	say  []string

	id string
}

func compose(project, service string) map[string]string {
	return map[string]string{"com.docker.compose.project": project, "com.docker.compose.service": service}
}

// crowd are containers with what files of Promtail's ask for: Compose and Swarm, labels, tags,
// networks, drivers, a terminal, and lines of all kinds.
func crowd() []*box {
	now := time.Now().UTC()
	at := func(back int) string { return now.Add(-time.Duration(back) * time.Second).Format(time.RFC3339Nano) }
	alternate := []string{"-n", "60", "-streams", "alternate"}
	const ofLabels = "com.docker.compose.service"
	tag := func(text string) map[string]string { return map[string]string{"tag": text, "labels": ofLabels} }
	only := map[string]string{"labels": ofLabels}
	return []*box{
		{name: "web-1", labels: compose("shop", "web"), ports: []string{"8080/tcp"}, opts: tag("{{.Name}}|{{.ImageName}}|{{.ID}}"), args: alternate,
			say: []string{"GET /health 200 1ms", "GET /favicon.ico 404 0ms", "GET /cart 500 12ms", "", "  spaces  ", "tab\tand \x1b[31mred\x1b[0m", "trailing return\r", "ü 水 🚢 \u2028 <b>&\"\\", `password=hunter2 level=error`}},
		{name: "shop-api-1", labels: compose("shop", "api"), opts: tag("{{.ImageName}}|{{.Name}}|{{.FullID}}"), args: []string{"-n", "40", "-pattern", "json", "-streams", "alternate"},
			say: []string{
				`{"level":"info","msg":"started","message":"up","request":{"path":"/a"},"timestamp":"` + at(5) + `","ts":` + fmt.Sprint(now.Add(-5*time.Second).UnixMilli()) + `,"logger":"main"}`,
				`{"level":"WARN","msg":"slow","message":"200 done","timestamp":"` + at(4) + `","ts":"` + fmt.Sprint(now.Add(-4*time.Second).UnixMilli()) + `","logger":"db"}`,
				`{"message":"no level"}`, `{"level":null,"message":null}`, `{"level":3,"message":{"a":[1,2]}}`, `{"level":"info"`, `not json`,
			}},
		{name: "shop-db-1", labels: compose("platform", "db"), opts: only, args: []string{"-n", "30"}, say: []string{"level=info password=hunter2 user=a", "level=error msg=\"no password= here\"", "plain"}},
		{name: "blog-1", labels: compose("blog", "blog"), opts: tag("{{.Name}}/{{.ID}}"), args: []string{"-streams", "stderr"},
			say: []string{"2026-01-02 first", "  at a", "  at b", "2026-01-02 second favicon", "2026-01-02 third", "  at c"}},
		{name: "plain", network: "host", args: alternate},
		{name: "opted", labels: map[string]string{"logging": "promtail", "chain": "eth"}, args: alternate, say: []string{`{"level":"info","ts":` + fmt.Sprint(now.Add(-9*time.Second).UnixMilli()) + `}`, "no time"}},
		{name: "forensics", labels: compose("forensics", "worker"), opts: only,
			say: []string{`{"level":"INFO","timestamp":"` + at(30) + `","logger":"a"}`, "GET /health 200", "WARN something", `{"level":"ERROR","timestamp":"yesterday"}`, "INFO no time", `{"level":"Debug"}`}},
		{name: "ops", labels: map[string]string{"team": "ops"}, args: alternate},
		{name: "dev", labels: map[string]string{"team": "dev"}, args: alternate},
		{name: "stack_web.1.abcdefghijkl", labels: map[string]string{"com.docker.swarm.service.name": "stack_web", "com.docker.swarm.node.id": "n1"}, args: alternate},
		{name: "records", say: []string{`{"level":"info","stream":"upstream"}`, `{"level":"info","message":"","log":"inner","time":"` + at(3) + `"}`}},
		{name: "terminal", tty: true, args: []string{"-n", "20"}},
		{name: "local", driver: "local", args: alternate},
		{name: "long", args: []string{"-n", "5", "-sizes", "16383,16384,16385,40000,100", "-streams", "alternate"}},
	}
}

// gather starts the crowd, and waits until each has written all.
func gather(t *testing.T, docker *engine.PrivateEngine) map[string]*box {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	image := docker.Image(t)
	const name = "net"
	subnet := netip.MustParsePrefix("172.30.0.0/24")
	if _, err := docker.API.NetworkCreate(ctx, name, client.NetworkCreateOptions{IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}}); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*box)
	for _, b := range crowd() {
		all[b.name] = b
		if b.network == "" {
			b.network = name
		}
		if b.driver == "" {
			b.driver = "json-file"
		}
		args := append([]string{"-linger"}, b.args...)
		if len(b.say) > 0 {
			args = append(args, "-say", strings.Join(b.say, "\n"))
		}
		exposed := make(network.PortSet)
		for _, p := range b.ports {
			exposed[network.MustParsePort(p)] = struct{}{}
		}
		made, err := docker.API.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name:       b.name,
			Config:     &container.Config{Image: image, Cmd: args, Labels: b.labels, Tty: b.tty, ExposedPorts: exposed},
			HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(b.network), LogConfig: container.LogConfig{Type: b.driver, Config: b.opts}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.id = made.ID
		if _, err := docker.API.ContainerStart(ctx, b.id, client.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

package lokitest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lighterman/lighterman/test/need"
	"github.com/lighterman/lighterman/test/port"
)

// member is what a Loki of a cluster has that one which is alone has not.
type member struct {
	name   string
	gossip *port.Port
	// members are the addresses of all, its own too, and shared is the directory of the
	// chunks, which stands for the bucket that they have in common.
	members []string
	shared  string
}

// places are what is put into the template. An ingester that does not answer is waited for no
// longer than Loki does by itself.
func (m *member) places() []string {
	return []string{
		"SHARED", m.shared, "STORE", "memberlist", "REPLICAS", "3",
		"INSTANCE", "\n    instance_id: " + m.name, "REMOTE", "5s",
		"MEMBER", fmt.Sprintf(`memberlist:
  node_name: %s
  randomize_node_name: false
  bind_addr: [127.0.0.1]
  bind_port: %d
  advertise_addr: 127.0.0.1
  advertise_port: %[2]d
  join_members: [%s]
  abort_if_cluster_join_fails: false
  min_join_backoff: 200ms
  max_join_backoff: 1s
  rejoin_interval: 2s
`, m.name, m.gossip.Number, strings.Join(m.members, ", ")),
	}
}

// Cluster starts three Lokis that find each other by gossip and keep each line three times,
// until the test ends. Each takes lines and answers queries for all. Limits are as for New.
func Cluster(t testing.TB, limits map[string]string) []*Loki {
	t.Helper()
	all := make([]*Loki, 3)
	shared := t.TempDir()
	var members []string
	for i := range all {
		gossip, err := port.Take()
		if err != nil {
			t.Fatal(err)
		}
		all[i] = &Loki{
			Dir: filepath.Join(shared, fmt.Sprint("loki-", i)), program: need.Loki(t), limits: limits,
			member: &member{name: fmt.Sprint("loki-", i), gossip: gossip, shared: shared},
		}
		if err := os.Mkdir(all[i].Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		members = append(members, gossip.Addr())
		t.Cleanup(func() {
			if err := all[i].end(); err != nil {
				t.Logf("cannot stop Loki: %v", err)
			}
			if t.Failed() {
				t.Logf("the log of %s ends:\n%s", all[i].member.name, all[i].logTail())
			}
		})
	}
	for _, l := range all {
		l.member.members = members
		l.Start(t)
	}
	return all
}

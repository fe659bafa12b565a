package loki

import (
	"sync"

	"github.com/lighterman/lighterman/internal/logs"
)

// tenantOf returns whose a batch is: all of it is of one tenant.
func (c *Client) tenantOf(b *logs.Batch) string {
	if len(b.Groups) > 0 && b.Groups[0].Tenant != "" && !c.config.OneTenant {
		return b.Groups[0].Tenant
	}
	return c.config.Tenant
}

// tenants is a set of them, which only grows. Several goroutines may use it.
type tenants struct{ all sync.Map }

func (t *tenants) add(name string) { t.all.Store(name, nil) }

func (t *tenants) has(name string) bool {
	_, has := t.all.Load(name)
	return has
}

// Package systemd tells systemd that the service is ready, alive or stopping, as sd_notify(3) does.
package systemd

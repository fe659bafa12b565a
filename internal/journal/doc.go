// Package journal reads what containers have logged to the host's systemd journal,
// from its files. All containers share the files that are open; each has a Log,
// which is pulled and reads only what the container has written. The journal is
// never written to, and journald is not asked for anything.
package journal

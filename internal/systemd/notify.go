package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// Notifier tells systemd how the service is, in the protocol of sd_notify(3): lines of
// NAME=value in a datagram to the socket that it names. Elsewhere there is no socket, and
// nobody is told.
type Notifier struct {
	socket string
	// watchdog is how often systemd wants to hear that all is well; 0 for never.
	watchdog time.Duration
	log      *slog.Logger
}

// New looks for systemd in the environment. A watchdog may be meant for another
// process, whose environment we have inherited.
func New(getenv func(string) string, log *slog.Logger) *Notifier {
	n := &Notifier{socket: getenv("NOTIFY_SOCKET"), log: log}
	pid := getenv("WATCHDOG_PID")
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// tell sends a message. One that cannot be sent is logged: systemd ends a service of
// which it hears nothing, and that must not come without a reason.
func (n *Notifier) tell(message string) {
	if n.socket == "" {
		return
	}
	if err := n.send(message); err != nil {
		n.log.Warn("cannot reach systemd at NOTIFY_SOCKET", "error", err)
	}
}

// notifyTimeout is how long a message may wait for room in systemd's queue.
const notifyTimeout = time.Second

func (n *Notifier) send(message string) error {
	// A name that begins with @ is an abstract one, for package net as for systemd.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

// Run says that lighterman is ready once alive holds for the first time, that it stops when
// stopping is done, and in between, often enough for the watchdog, that it is alive, as long
// as it is. alive may take its time: the watchdog is for what takes too long. Run returns
// when ctx is done.
func (n *Notifier) Run(ctx, stopping context.Context, alive func() error) error {
	if n.socket == "" {
		return nil
	}
	n.feed(stopping, "READY=1\nSTATUS=Carrying logs\n", alive)
	// A stop may take longer than the watchdog waits; it has a timeout of its own.
	n.feed(ctx, "STOPPING=1\nSTATUS=Delivering what has been read\n", func() error { return nil })
	return nil
}

// feed tells systemd that all is well as long as it is, until ctx is done; the first time
// with first before it.
func (n *Notifier) feed(ctx context.Context, first string, alive func() error) {
	every := n.watchdog / 3
	if every <= 0 {
		every = time.Hour
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := alive(); err != nil {
			n.log.Error("not alive, so the watchdog of systemd is not fed", "error", err)
			n.tell("STATUS=Not alive: " + fmt.Sprintf("%.200q", err.Error()))
		} else {
			n.tell(first + "WATCHDOG=1")
			first = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

package status

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestS3KernelMemory: an answer that nobody reads is not in the kernel as a whole.
func TestS3KernelMemory(t *testing.T) {
	config := net.ListenConfig{Control: smallBuffers}
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_ = client.(*net.TCPConn).SetReadBuffer(4 << 10)
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := io.Copy(conn, strings.NewReader(strings.Repeat("x", 16<<20)))
	if !os.IsTimeout(err) || n > 8*sendBuffer {
		t.Errorf("%d bytes are in the kernel, %v", n, err)
	}
}

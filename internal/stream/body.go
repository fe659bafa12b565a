package stream

import (
	"errors"
	"io"

	"github.com/lighterman/lighterman/internal/assemble"
	"github.com/lighterman/lighterman/internal/stamp"
)

const (
	// readSize is how much is asked for at a time, in bytes.
	readSize = 64 << 10
	// maxFrame is the longest record that is kept whole, in bytes. The engine
	// itself refuses more than 10^6 where it stores them in frames.
	maxFrame = 1 << 20
	// keepBuffer is the largest buffer that is kept while nothing is in it.
	keepBuffer = 4 * readSize
)

// Reader reads one body. It is used by one goroutine at a time, except that
// the body may be closed at any time to end a Wait.
type Reader struct {
	body     io.Reader
	config   Config
	assemble *assemble.Assembler
	clock    stamp.Parser
	// buf holds bytes not taken yet, in memory that is reused from start on.
	buf   []byte
	start int
	// tail finds the place where the log was left; nil when it is found.
	tail *tail
	// rules are those that go by time and hold.
	rules rules
	// skip is the number of bytes of an oversized frame still to be dropped.
	skip int
	end  error
}

// errMore says that what is buffered ends within a record.
var errMore = errors.New("incomplete record")

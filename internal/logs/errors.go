package logs

import (
	"errors"
	"fmt"
)

// ErrNotFound says that the engine knows no such container.
var ErrNotFound = errors.New("no such container")

// ErrUnreadable says that the engine cannot read the log of a container.
var ErrUnreadable = errors.New("the log driver does not support reading")

// ErrUnsettled says that a container is being made or removed, so that there is none to
// speak of; what is left after a while is there to stay.
var ErrUnsettled = fmt.Errorf("it is being made or removed: %w", ErrNotFound)

package logs

import "errors"

// ErrNotFound says that the engine knows no such container.
var ErrNotFound = errors.New("no such container")

// ErrUnreadable says that the engine cannot read the log of a container.
var ErrUnreadable = errors.New("the log driver does not support reading")

// Package stream reads one container's log from the body of the engine's logs
// request: it takes the frames apart, strips the timestamp that the engine puts
// before every record, and says where to resume. It is a pull API without
// goroutines of its own.
package stream

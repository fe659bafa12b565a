// Package stream reads containers' logs through the engine's API. A Source is one
// container's: it has a goroutine and a connection of its own, finds the place to begin at
// (begin.go), reads the body and hands its entries over (follow.go). A Group is all of them,
// and doubts those that are silent (doubt.go). A Reader (reader.go) is one body, a pull API
// without goroutines: it takes the frames apart, strips the timestamp that the engine puts
// before every record, and says where to resume.
//
// # Streams that are silent
//
// A stream that was silent for 10 s is doubted: the engine is asked for the end of the log,
// and a stream that has not brought it is opened again. Silent streams are doubted less and
// less often, up to every 5 minutes. One that has brought nothing yet is given as long as the
// log may be looked through for, five minutes where that has no bound, and twice as long each
// time: the engine may be looking for the place to begin, which takes it 20 s per GiB of a
// json-file log, and to open it again is to begin that anew. One that has spoken and goes on
// in silence after its container has stopped is opened again without a question; one whose
// container was removed is ended.
//
// That search is seldom needed: a json-file log that can become large is resumed 10,000
// records before its end, then 300,000, and only then by time (begin.go). That the place where
// it was left is among them is proved by the times of the records (tail.go); where it is not,
// nothing of them is passed on.
package stream

// Package access says who may ask the listener for more than its health, and over what: TLS,
// passwords and client certificates in the format of Prometheus' web.config.file, and bearer
// tokens in a file of their own.
//
// The files are looked at again while there are requests, a second apart at most. What they
// say wins when all of it is sound; else what was there before stands, and that is logged
// once: a file half written opens nothing, and locks nobody out. Whether there is TLS, and
// whether anybody is asked who he is, does not change while it runs.
//
// A password costs what its hash says, which is some 50 ms and more. So what was right is
// remembered, by a keyed hash in memory, and so is what was wrong; of all others one is looked
// at at a time, and few in a second. Whoever tries passwords gets 429 and no more of the
// processor than that, and does not keep those out whose password is known to be right.
package access

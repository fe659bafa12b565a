// Package producer is what all sources of a container's log hand entries to, whatever route it
// is read on: it gives each entry the labels of its time, hands entries to the container's lane,
// counts them, and commits the position behind them when the sink has answered. All calls of a
// lane that hand something over are here (chunk.go). It also knows which log waits until
// which other is delivered (order.go).
package producer

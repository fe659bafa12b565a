// Package output is the way out that all sources share, whatever route a log is read on:
// it gives each entry the labels of its time, hands entries to the container's lane, counts
// them, and commits the position behind them when the sink has answered. All calls of a
// lane that hand something over are here (chunk.go). It also knows which log waits until
// which other is delivered (order.go).
package output

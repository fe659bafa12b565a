// Package discover keeps the set of containers whose logs are wanted: events
// first, then a list, and a list again after every reconnection and every few
// minutes, because events are a hint and not a ledger.
package discover

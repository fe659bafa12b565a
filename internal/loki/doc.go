// Package loki is the "how" of delivery to Grafana Loki: it encodes a batch as
// a push request (protobuf, snappy), sends it once, and says what the answer
// means for the batch's entries. It does not retry.
//
// The request is logproto.PushRequest of Loki's pkg/push/push.proto:
//
//	PushRequest  { repeated Stream streams = 1 }
//	Stream       { string labels = 1; repeated Entry entries = 2 }
//	Entry        { Timestamp timestamp = 1; string line = 2; repeated LabelPair structuredMetadata = 3 }
//	Timestamp    { int64 seconds = 1; int32 nanos = 2 }
//	LabelPair    { string name = 1; string value = 2 }
package loki

// Package sift reads JSON as it comes and keeps only what is asked for: what is passed
// over, however large, is never in memory. It is for what strangers have a part in.
package sift

// Package dataroot lays out a Docker data root by hand, as the engine does, for tests
// of what no engine can be asked to do to its own files: damage, operators' edits,
// old formats. lighterman reads it with `--docker-host none --docker-root`.
package dataroot

// Package trend tells whether a series of measurements grows: a straight line
// through them, and how far off its slope may be.
package trend

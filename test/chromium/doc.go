// Package chromium opens pages in a real headless browser for tests: it asks them
// questions, takes pictures, and reports what they complain about.
package chromium

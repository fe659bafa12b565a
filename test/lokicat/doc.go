// Command lokicat prints the newest lines that a LogQL query finds, for the demo:
// lokicat URL QUERY LINES.
package main

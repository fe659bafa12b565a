// Package dashboard is the report of a comparison: its figures as JSON, its tables,
// bars and scores for a terminal, and a page with plots that needs nothing else.
package dashboard

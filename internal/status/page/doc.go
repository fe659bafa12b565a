// Package page draws the pages that people look at: how all goes, each container, the
// outputs, the configuration and lighterman's own messages. The server draws everything,
// plots as well, so pages live without JavaScript: a browser without loads them again, and
// one with it replaces what has changed (assets/page.js). Behind each page is the same as
// JSON.
//
// Names, labels and lines come from containers and are hostile: html/template escapes them,
// and what is bounded and made visible is decided in words.go. No page has a script or a style
// in it, so the policy of package status allows none.
//
// Pages are made one after the other, and one that was made serves for a moment all who ask
// for the same (share.go): neither many nor slow readers cost much.
package page

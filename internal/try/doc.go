// Package try takes lines of containers and files through the stages, for the command try, and shows
// what each stage makes of them.
package try

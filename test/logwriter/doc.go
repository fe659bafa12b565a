// Command logwriter is the program in the tests' and the demo's containers. It
// writes what its flags say, in this order: numbered lines, lines of given
// sizes, the corpus of awkward lines, an unterminated text. The package
// test/lines makes the text.
package main

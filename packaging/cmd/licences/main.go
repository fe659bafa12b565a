// Licences prints the licences of the modules that a binary is made of, and fails when one
// of them is not allowed.
package main

import (
	"fmt"
	"os"

	"github.com/lighterman/lighterman/packaging/licence"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: licences BINARY ROOT")
		os.Exit(2)
	}
	modules, err := licence.Of(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(licence.List(modules))
}

// Package need says what a test needs of the machine. Where it is missing the
// test is skipped with the reason, or fails when LIGHTERMAN_REQUIRE=1 or
// CI=true: what `make test` runs must not skip. scripts/prepare-tests provides
// everything.
package need

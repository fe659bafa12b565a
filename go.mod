module github.com/lighterman/lighterman

go 1.26

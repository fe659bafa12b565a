package stage

import (
	"fmt"
	"regexp/syntax"

	"github.com/lighterman/lighterman/internal/stage/pattern"
)

// Bounds of what an owner's expression may cost others on the host, who share processors and
// memory with it. The time that matching takes is at most in proportion to its steps and to
// what is looked at.
const (
	maxExpression = 512
	// maxSteps is about how many steps of a program an expression may have. That of a date
	// and a time has thirty.
	maxSteps = 200
	// maxRunes bounds the memory of classes of characters.
	maxRunes = 20_000
	// ownLook is how much of an entry is looked at, in bytes.
	ownLook = 8 << 10
)

// modest compiles an expression that anybody may have written.
func modest(expr string) (*pattern.Pattern, error) {
	if len(expr) > maxExpression {
		return nil, fmt.Errorf("the expression is longer than %d bytes", maxExpression)
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("it is no expression: %.100s", err.Error())
	}
	// Before it is compiled: that may take many megabytes for a few letters.
	if steps, runes := weigh(tree); steps > maxSteps || runes > maxRunes {
		return nil, errExpression
	}
	return pattern.Compile(expr)
}

// weigh returns about how many steps the program of an expression has, and how many runes its
// classes. Each is at most a thousand times what the text has, as no repetition is beyond
// that, nested ones together.
func weigh(re *syntax.Regexp) (steps, runes int) {
	steps = 1
	switch re.Op {
	case syntax.OpLiteral:
		steps = len(re.Rune)
	case syntax.OpConcat, syntax.OpRepeat:
		steps = 0
	case syntax.OpCharClass:
		runes = len(re.Rune)
	}
	for _, sub := range re.Sub {
		s, r := weigh(sub)
		steps, runes = steps+s, runes+r
	}
	if re.Op == syntax.OpRepeat {
		n := max(re.Min, re.Max, 1)
		steps, runes = steps*n, runes*n
	}
	return steps, runes
}

package stage

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"text/template"
)

// functions are those of Promtail's templates: its own, and of sprig's what depends on
// nothing but its arguments. Random values, the clock and the environment would make a
// second reading differ, or carry secrets into lines.
var functions = template.FuncMap{
	"ToLower": strings.ToLower, "ToUpper": strings.ToUpper, "Replace": strings.Replace,
	"Trim": strings.Trim, "TrimLeft": strings.TrimLeft, "TrimRight": strings.TrimRight,
	"TrimPrefix": strings.TrimPrefix, "TrimSuffix": strings.TrimSuffix, "TrimSpace": strings.TrimSpace,
	"Hash": func(salt, in string) string { h := sha3.Sum256([]byte(salt + in)); return hex.EncodeToString(h[:]) },
	"Sha2Hash": func(salt, in string) string {
		h := sha256.Sum256([]byte(salt + in))
		return hex.EncodeToString(h[:])
	},
	"regexReplaceAll": func(expr, s, repl string) (string, error) {
		re, err := compiled(expr)
		if err != nil {
			return "", err
		}
		return re.ReplaceAllString(s, repl), nil
	},
	"regexReplaceAllLiteral": func(expr, s, repl string) (string, error) {
		re, err := compiled(expr)
		if err != nil {
			return "", err
		}
		return re.ReplaceAllLiteralString(s, repl), nil
	},

	"lower": strings.ToLower, "upper": strings.ToUpper, "trim": strings.TrimSpace,
	"trimAll":    func(cut, s string) string { return strings.Trim(s, cut) },
	"trimPrefix": func(p, s string) string { return strings.TrimPrefix(s, p) },
	"trimSuffix": func(p, s string) string { return strings.TrimSuffix(s, p) },
	"nospace":    func(s string) string { return strings.Join(strings.Fields(s), "") },
	"replace":    func(old, repl, s string) string { return strings.ReplaceAll(s, old, repl) },
	"contains":   func(sub, s string) bool { return strings.Contains(s, sub) },
	"hasPrefix":  func(p, s string) bool { return strings.HasPrefix(s, p) },
	"hasSuffix":  func(p, s string) bool { return strings.HasSuffix(s, p) },
	"quote":      func(v any) string { return strconv.Quote(str(v)) },
	"squote":     func(v any) string { return "'" + str(v) + "'" },
	"trunc":      trunc,
	"substr":     substr,
	"repeat":     repeat,
	"indent":     indent,
	"cat":        func(v ...any) string { return strings.TrimSuffix(fmt.Sprintln(v...), "\n") },
	"toString":   str,
	"splitList":  func(sep, s string) []string { return strings.Split(s, sep) },
	"join":       func(sep string, list []string) string { return strings.Join(list, sep) },
	"first":      func(list []string) string { return at(list, 0) },
	"last":       func(list []string) string { return at(list, len(list)-1) },
	"regexMatch": func(expr, s string) (bool, error) {
		re, err := compiled(expr)
		return err == nil && re.MatchString(s), err
	},
	"regexFind": func(expr, s string) (string, error) {
		re, err := compiled(expr)
		if err != nil {
			return "", err
		}
		return re.FindString(s), nil
	},
	"default": func(fallback any, given ...any) any {
		if len(given) == 0 || isEmpty(given[0]) {
			return fallback
		}
		return given[0]
	},
	"coalesce": func(list ...any) any {
		for _, v := range list {
			if !isEmpty(v) {
				return v
			}
		}
		return nil
	},
	"empty": isEmpty,
	"ternary": func(a, b any, which bool) any {
		if which {
			return a
		}
		return b
	},
	"int": func(v any) int64 { return int64(float(v)) }, "int64": func(v any) int64 { return int64(float(v)) },
	"float64": float,
	"atoi": func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	},
	"add": func(list ...any) (n int64) {
		for _, v := range list {
			n += int64(float(v))
		}
		return n
	},
	"sub":    func(a, b any) int64 { return int64(float(a)) - int64(float(b)) },
	"mul":    func(a, b any) int64 { return int64(float(a)) * int64(float(b)) },
	"div":    func(a, b any) (int64, error) { return divide(a, b, func(x, y int64) int64 { return x / y }) },
	"mod":    func(a, b any) (int64, error) { return divide(a, b, func(x, y int64) int64 { return x % y }) },
	"max":    func(a, b any) int64 { return max(int64(float(a)), int64(float(b))) },
	"min":    func(a, b any) int64 { return min(int64(float(a)), int64(float(b))) },
	"b64enc": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"b64dec": func(s string) string {
		out, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return err.Error()
		}
		return string(out)
	},
	"sha256sum": func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) },
	"toJson": func(v any) string {
		out, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(out)
	},
	"fromJson": func(s string) any {
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			return nil
		}
		return v
	},
}

// expressions are those that templates have used, compiled once. A template may make
// expressions of what lines hold, so their number is bounded.
var expressions = struct {
	sync.Mutex
	of map[string]*regexp.Regexp
}{of: make(map[string]*regexp.Regexp)}

func compiled(expr string) (*regexp.Regexp, error) {
	expressions.Lock()
	defer expressions.Unlock()
	if re := expressions.of[expr]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	if len(expressions.of) >= 256 {
		clear(expressions.of)
	}
	expressions.of[expr] = re
	return re, nil
}

func str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []string:
		return len(v) == 0
	}
	return float(v) == 0
}

func float(v any) float64 {
	x, err := strconv.ParseFloat(strings.TrimSpace(str(v)), 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1<<53 {
		return 0
	}
	return x
}

func divide(a, b any, by func(int64, int64) int64) (int64, error) {
	if int64(float(b)) == 0 {
		return 0, errors.New("division by zero")
	}
	return by(int64(float(a)), int64(float(b))), nil
}

func trunc(n int, s string) string {
	switch {
	case n < 0 && len(s)+n > 0:
		s = s[len(s)+n:]
	case n >= 0 && len(s) > n:
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

func substr(from, to int, s string) string {
	if to < 0 || to > len(s) {
		to = len(s)
	}
	from = min(max(from, 0), to)
	return strings.ToValidUTF8(s[from:to], "")
}

func repeat(n int, s string) (string, error) {
	if n < 0 || n > 0 && len(s) > maxOutput/n {
		return "", errOutput
	}
	return strings.Repeat(s, n), nil
}

func indent(n int, s string) (string, error) {
	if n < 0 || n > 1000 || (strings.Count(s, "\n")+1)*n > maxOutput {
		return "", errOutput
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

func at(list []string, i int) string {
	if i < 0 || i >= len(list) {
		return ""
	}
	return list[i]
}

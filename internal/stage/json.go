package stage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/buger/jsonparser"
)

// jsonStage extracts values of JSON by paths.
type jsonStage struct {
	source slot
	paths  *tree
	// malformed is the rule that drops lines that are no JSON, -1 where they go on.
	malformed int
}

func newJSON(b *builder, f *fields) step {
	f.read("expressions", "source", "drop_malformed")
	j := &jsonStage{source: f.source(), paths: &tree{}, malformed: -1}
	exprs := f.pairs(f.keys["expressions"])
	if len(exprs) == 0 {
		f.at("expressions", "expressions are missing: a map of names to paths, like level: log.level")
	}
	for _, p := range exprs {
		expr := p.value
		if expr == "" {
			expr = p.key
		}
		hops, err := parsePath(expr)
		if err != nil {
			b.report(p.node, f.path+".expressions."+p.key, "cannot use the expression %v", err)
			continue
		}
		j.paths.add(hops, b.name(p.key))
	}
	if f.boolean("drop_malformed") {
		j.malformed = b.rule("malformed_json")
	}
	return j
}

func (j *jsonStage) run(r *Run, e *Entry, n *node) *node {
	in, ok := r.input(e, j.source)
	if !ok {
		return n.next
	}
	if !r.extract(e, in, j.paths, j.malformed >= 0) && j.malformed >= 0 {
		return r.drop(j.malformed)
	}
	return n.next
}

// input returns the line, or the extracted value that a stage reads instead.
func (r *Run) input(e *Entry, source slot) ([]byte, bool) {
	if source < 0 {
		return e.Line, true
	}
	return r.get(e, source)
}

// extract sets the values at the paths of t, and reports whether in is an object of JSON.
// Only a strict look checks all of it.
func (r *Run) extract(e *Entry, in []byte, t *tree, strict bool) bool {
	if len(in) > 0 && (in[0] != '{' || in[len(in)-1] != '}') {
		in = bytes.TrimSpace(in)
	}
	if string(in) == "null" {
		// For Promtail that is an object without fields.
		t.clear(e, null)
		return true
	}
	if len(in) < 2 || in[0] != '{' || in[len(in)-1] != '}' || strict && !json.Valid(in) {
		return false
	}
	w := walk{r: r, e: e}
	t.clear(e, null)
	done, err := w.quick(in, t, 0)
	if !done {
		t.clear(e, null)
		err = w.object(in, t, 0)
	}
	if err != nil {
		// As in Promtail, nothing is taken of a line that is cut or no JSON.
		t.clear(e, unset)
		return false
	}
	return true
}

// walk goes through one object.
type walk struct {
	r *Run
	e *Entry
}

// deepest bounds how deep objects are gone into.
const deepest = 32

var errDeep = errors.New("nested too deep")

func (w walk) object(in []byte, t *tree, depth int) error {
	if depth > deepest {
		return errDeep
	}
	return jsonparser.ObjectEach(in, func(key, val []byte, typ jsonparser.ValueType, _ int) error {
		for i := range t.fields {
			if b := &t.fields[i]; b.name == string(key) {
				// Of a name that comes twice the last value counts.
				b.tree.clear(w.e, null)
				return w.value(val, typ, b.tree, depth)
			}
		}
		return nil
	})
}

func (w walk) value(val []byte, typ jsonparser.ValueType, t *tree, depth int) error {
	if len(t.leaves) > 0 {
		v, err := w.leaf(val, typ)
		if err != nil {
			return err
		}
		for _, s := range t.leaves {
			w.e.values[s] = v
		}
	}
	switch {
	case typ == jsonparser.Object && len(t.fields) > 0:
		return w.object(val, t, depth+1)
	case typ == jsonparser.Array && len(t.items) > 0:
		return w.list(val, t, depth+1)
	}
	return nil
}

func (w walk) list(in []byte, t *tree, depth int) error {
	if depth > deepest {
		return errDeep
	}
	total := 0
	for i := range t.items {
		if t.items[i].index < 0 {
			if _, err := jsonparser.ArrayEach(in, func([]byte, jsonparser.ValueType, int, error) { total++ }); err != nil {
				return err
			}
			break
		}
	}
	var failed error
	at := 0
	_, err := jsonparser.ArrayEach(in, func(val []byte, typ jsonparser.ValueType, _ int, _ error) {
		for i := range t.items {
			if b := &t.items[i]; failed == nil && (b.index == at || b.index < 0 && total+b.index == at) {
				failed = w.value(val, typ, b.tree, depth)
			}
		}
		at++
	})
	return errors.Join(failed, err)
}

// leaf is a value as text.
func (w walk) leaf(val []byte, typ jsonparser.ValueType) (value, error) {
	switch typ {
	case jsonparser.Null, jsonparser.NotExist, jsonparser.Unknown:
		return value{kind: null}, nil
	case jsonparser.String:
		str, err := w.r.unescape(val)
		return value{str, text}, err
	case jsonparser.Number:
		return value{w.r.number(val), text}, nil
	}
	return value{val, text}, nil
}

// unescape returns a string of JSON without its escapes.
func (r *Run) unescape(val []byte) ([]byte, error) {
	if bytes.IndexByte(val, '\\') < 0 {
		return val, nil
	}
	n := len(r.scratch)
	r.scratch = append(r.scratch, val...) // as much room as it may take
	out, err := jsonparser.Unescape(val, r.scratch[n:n:len(r.scratch)])
	if err == nil {
		return out[:len(out):len(out)], nil
	}
	// Half of a pair of UTF-16 is U+FFFD for the library.
	var s string
	if err := json.Unmarshal([]byte(`"`+string(val)+`"`), &s); err != nil {
		return nil, err
	}
	return []byte(s), nil
}

// number writes a number as Promtail does, 1.50 as 1.5, but leaves whole numbers as they
// are: an ID of 19 digits does not fit its floating point.
func (r *Run) number(val []byte) []byte {
	if bytes.IndexByte(val, '.') < 0 && bytes.IndexByte(val, 'e') < 0 && bytes.IndexByte(val, 'E') < 0 {
		return val
	}
	x, err := strconv.ParseFloat(string(val), 64)
	if err != nil {
		return val
	}
	n := len(r.scratch)
	r.scratch = strconv.AppendFloat(r.scratch, x, 'f', -1, 64)
	return r.scratch[n:len(r.scratch):len(r.scratch)]
}

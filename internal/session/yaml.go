package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// errPrivate is for a private key where YAML is expected.
var errPrivate = errors.New("1: this is a private key, which must not leave the origin")

// LoadYAML reads the YAML file at path into v, a pointer to a struct. A key that v does not
// have is refused; the error names the file and the line, and the key that was perhaps meant.
func LoadYAML(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := ParseYAML(text, v); err != nil {
		return fmt.Errorf("%s:%w", path, err)
	}
	return nil
}

// ParseYAML is LoadYAML for a text. Its errors begin with the line: "3: unknown key ...".
func ParseYAML(text []byte, v any) error {
	if bytes.Contains(text, []byte("PRIVATE KEY-----")) {
		return errPrivate // what is wrong is not quoted: it would stand in logs
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	err := decoder.Decode(v)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return fmt.Errorf("%s%w", locate(text, v), err)
	}
	token := located.GetToken()
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		key := token.Value
		within, known := siblings(text, v, key)
		return fmt.Errorf("%d: %sunknown key %q%s", token.Position.Line, within, key, Hint(key, known))
	}
	message := located.GetMessage()
	if what := wanted(err); what != "" {
		message = fmt.Sprintf("%s%q is not %s", keyAt(text, token.Position.Line), token.Value, what)
	}
	return fmt.Errorf("%d: %s", token.Position.Line, message)
}

// siblings returns what keys are known where text has an unknown one: those of v, or of the field of v
// whose mapping has it; within is that field's key then, ready to be put before an error.
func siblings(text []byte, v any, key string) (within string, known []string) {
	var values map[string]any
	if yaml.Unmarshal(text, &values) != nil {
		return "", keys(v)
	}
	fields := reflect.TypeOf(v).Elem()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("yaml"), ",")
		mapping, ok := values[name].(map[string]any)
		if _, has := mapping[key]; ok && has && fields.Field(i).Type.Kind() == reflect.Struct {
			return name + ": ", keys(reflect.New(fields.Field(i).Type).Interface())
		}
	}
	return "", keys(v)
}

// wanted says for people what kind of value should stand where another stands; empty if err is not
// about that.
func wanted(err error) string {
	var node *yaml.UnexpectedNodeTypeError
	var mismatch *yaml.TypeError
	switch {
	case errors.As(err, &node):
		return "a " + strings.ToLower(node.Expected.YAMLName())
	case !errors.As(err, &mismatch):
		return ""
	case mismatch.DstType == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s"
	}
	switch mismatch.DstType.Kind() {
	case reflect.Int, reflect.Uint32:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	}
	return ""
}

// keyAt returns the key at the top to which a line belongs, ready to be put before an error.
func keyAt(text []byte, line int) string {
	lines := strings.Split(string(text), "\n")
	for _, l := range slices.Backward(lines[:min(max(line, 0), len(lines))]) {
		if key, _, ok := strings.Cut(l, ":"); ok && key != "" && !strings.ContainsAny(key[:1], " #\t-") {
			return key + ": "
		}
	}
	return ""
}

// locate finds which key of text has a value that its field in v does not take, for an error
// that does not tell; the answer is ready to be put before it.
func locate(text []byte, v any) string {
	var values map[string]any
	if yaml.Unmarshal(text, &values) != nil {
		return " "
	}
	for _, key := range keys(v) {
		value, present := values[key]
		if !present {
			continue
		}
		alone, err := yaml.Marshal(map[string]any{key: value})
		if err != nil || yaml.Unmarshal(alone, reflect.New(reflect.TypeOf(v).Elem()).Interface()) == nil {
			continue
		}
		for n, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, key+":") {
				return fmt.Sprintf("%d: %s: ", n+1, key)
			}
		}
	}
	return " "
}

// keys returns the YAML keys of the struct that v points to.
func keys(v any) []string {
	t := reflect.TypeOf(v).Elem()
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Hint says which of the known words is meant by key, or all of them if none is near; it is made to
// stand right behind "unknown key ...".
func Hint(key string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(key, k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known are " + strings.Join(known, ", ")
}

// editDistance is the least number of inserted, deleted and replaced bytes from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

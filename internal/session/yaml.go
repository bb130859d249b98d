package session

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

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
		return fmt.Errorf("%d: unknown key %q%s", token.Position.Line, key, Hint(key, keys(v)))
	}
	return fmt.Errorf("%d: %s", token.Position.Line, located.GetMessage())
}

// locate finds which key of text has a value that its field in v does not take, for an error
// that does not tell; the answer is ready to be put before it.
func locate(text []byte, v any) string {
	var values map[string]string
	if yaml.Unmarshal(text, &values) != nil {
		return " "
	}
	fields := reflect.ValueOf(v).Elem()
	for i, key := range keys(v) {
		value, present := values[key]
		field := reflect.New(fields.Field(i).Type()).Interface()
		u, ok := field.(encoding.TextUnmarshaler)
		if !present || !ok || u.UnmarshalText([]byte(value)) == nil {
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

// keys returns the YAML keys of the struct that v points to, one for each field.
func keys(v any) []string {
	t := reflect.TypeOf(v).Elem()
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
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

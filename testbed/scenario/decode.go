package scenario

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"fanfare/internal/session"
)

// An Error says what is wrong with a scenario file, and where.
type Error struct {
	File    string
	Line    int // 0: the file as a whole
	Message string

	named bool // Message says which key it is about
}

// Error returns FILE:LINE: MESSAGE.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// lined is embedded in what remembers the line where it stands.
type lined struct{ line int }

func (l *lined) setLine(n int) { l.line = n }

// custom is a type that has more than one form in a file.
type custom interface {
	decodeNode(n ast.Node) error
}

// parse decodes a YAML text into v, a pointer to a struct, strictly: every key must be a field.
// Errors are *Error without a file.
func parse(text []byte, v any) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var located yaml.Error
		if errors.As(err, &located) && located.GetToken() != nil {
			return &Error{Line: located.GetToken().Position.Line, Message: located.GetMessage()}
		}
		return &Error{Message: err.Error()}
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return &Error{Message: "the file is empty"}
	case len(file.Docs) > 1:
		return wrong(file.Docs[1].Body, "a second document: one file holds one scenario")
	}
	return decode(file.Docs[0].Body, reflect.ValueOf(v).Elem())
}

// wrong is an error at a node.
func wrong(n ast.Node, format string, arguments ...any) error {
	e := &Error{Message: fmt.Sprintf(format, arguments...)}
	if n != nil && n.GetToken() != nil {
		e.Line = n.GetToken().Position.Line
	}
	return e
}

// decode fills v from a node.
func decode(n ast.Node, v reflect.Value) error {
	if c, ok := v.Addr().Interface().(custom); ok {
		return c.decodeNode(n)
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		text, err := scalar(n)
		if err != nil {
			return err
		}
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return wrong(n, "%s", strings.TrimPrefix(err.Error(), "session: "))
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decode(n, v.Elem())
	case reflect.Struct:
		return decodeStruct(n, v)
	case reflect.Slice:
		return decodeSlice(n, v)
	case reflect.Map:
		return decodeMap(n, v)
	}
	return decodeScalar(n, v)
}

// scalar returns the text of a scalar node.
func scalar(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.NullNode:
		return "", wrong(n, "a value is missing here")
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", wrong(n, "a single value belongs here")
}

func decodeScalar(n ast.Node, v reflect.Value) error {
	text, err := scalar(n)
	if err != nil {
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return wrong(n, "%q is neither true nor false", text)
		}
		v.SetBool(b)
		return nil
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil || i < 0 {
			return wrong(n, "%q is not a whole number", text)
		}
		v.SetInt(i)
		return nil
	case reflect.Uint64:
		i, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return wrong(n, "%q is not a whole number", text)
		}
		v.SetUint(i)
		return nil
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return wrong(n, "%q is not a number", text)
		}
		v.SetFloat(f)
		return nil
	}
	panic("scenario: no way to read a " + v.Type().String())
}

func decodeSlice(n ast.Node, v reflect.Value) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return wrong(n, "a list belongs here")
	}
	for _, item := range list.Values {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := decode(item, element); err != nil {
			return err
		}
		v.Set(reflect.Append(v, element))
	}
	return nil
}

// pairs returns the keys and values of a mapping; a key given twice is an error.
func pairs(n ast.Node) ([]*ast.MappingValueNode, error) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, wrong(n, "keys with values belong here")
	}
	seen := map[string]bool{}
	for _, p := range values {
		key := p.Key.GetToken().Value
		if seen[key] {
			return nil, wrong(p.Key, "%q is given twice", key)
		}
		seen[key] = true
	}
	return values, nil
}

func decodeMap(n ast.Node, v reflect.Value) error {
	values, err := pairs(n)
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range values {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := decode(p.Value, element); err != nil {
			return err
		}
		if l, ok := element.Addr().Interface().(interface{ setLine(int) }); ok {
			l.setLine(p.Key.GetToken().Position.Line)
		}
		v.SetMapIndex(reflect.ValueOf(p.Key.GetToken().Value), element)
	}
	return nil
}

func decodeStruct(n ast.Node, v reflect.Value) error {
	values, err := pairs(n)
	if err != nil {
		return err
	}
	fields := fieldsOf(v.Type())
	if l, ok := v.Addr().Interface().(interface{ setLine(int) }); ok {
		line := n.GetToken().Position.Line
		if len(values) > 0 {
			line = values[0].Key.GetToken().Position.Line
		}
		l.setLine(line)
	}
	for _, p := range values {
		key := p.Key.GetToken().Value
		i, ok := fields[key]
		if !ok {
			known := make([]string, 0, len(fields))
			for name := range fields {
				known = append(known, name)
			}
			sort.Strings(known)
			return wrong(p.Key, "unknown key %q%s", key, session.Hint(key, known))
		}
		if err := decode(p.Value, v.Field(i)); err != nil {
			return named(err, p.Key)
		}
	}
	return nil
}

// named puts the key before the message, once, of an error about its value.
func named(err error, key ast.Node) error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Message: err.Error()}
	}
	if !e.named && !strings.HasPrefix(e.Message, "unknown key") {
		e.Message = key.GetToken().Value + ": " + e.Message
	}
	e.named = true
	if e.Line == 0 {
		e.Line = key.GetToken().Position.Line
	}
	return e
}

// fieldsOf returns the fields of a struct type by their keys.
func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = i
		}
	}
	return fields
}

// decodeAny decodes a node into what v points to.
func decodeAny(n ast.Node, v any) error { return decode(n, reflect.ValueOf(v).Elem()) }

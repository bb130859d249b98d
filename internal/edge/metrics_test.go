package edge

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// describe takes the text of a Desc apart into name and help.
var describe = regexp.MustCompile(`fqName: "([^"]*)", help: "([^"]*)"`)

// TestMetricsComplete changes each number of the engine's, and wants some metric to follow.
func TestMetricsComplete(t *testing.T) {
	m := &metrics{}
	m.addEngine()
	m.addCache()
	m.addLoop()
	names := map[string]bool{}
	for _, metric := range m.list {
		parts := describe.FindStringSubmatch(metric.desc.String())
		if parts == nil {
			t.Fatal(metric.desc)
		}
		name, help := parts[1], parts[2]
		if names[name] {
			t.Errorf("twice: %s", name)
		}
		names[name] = true
		if help == name || !strings.HasSuffix(help, ".") || len(strings.Fields(help)) < 3 {
			t.Errorf("%s: help %q", name, help)
		}
	}
	fields := reflect.TypeOf(snapshot{}.engine)
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		switch name {
		case "BlocksDecoded": // the cache, which decodes them, counts the same
			continue
		case "Objects": // bundles_on_their_way, and control objects for an instant
			continue
		}
		var s snapshot
		switch field := reflect.ValueOf(&s.engine).Elem().Field(i); field.Kind() {
		case reflect.Uint64, reflect.Uint32:
			field.SetUint(1)
		default:
			field.SetInt(int64(time.Second))
		}
		told := false
		for _, metric := range m.list {
			told = told || metric.value(&s) != 0
		}
		if !told {
			t.Errorf("%s is in no metric", name)
		}
	}
}

package origin

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/internal/api"
)

// A log or a spool that is not as it was written is refused, in a sentence.
func TestReplayRefuses(t *testing.T) {
	many := make(files)
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many[strings.Repeat(string(c), 60)] = "x" // a manifest that is not inline
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{"bundle lost", func(t *testing.T, dir string) {
			try(t, os.Remove(filepath.Join(dir, spoolName, "1.bundle")))
		}, "a bundle that is not there"},
		{"bundle cut", func(t *testing.T, dir string) {
			try(t, os.Truncate(filepath.Join(dir, spoolName, "1.bundle"), 5))
		}, "damaged"},
		{"manifest changed", func(t *testing.T, dir string) {
			path := filepath.Join(dir, spoolName, "2.bundle")
			content := mustRead(t, path)
			content[100] ^= 1
			try(t, os.WriteFile(path, content, 0o600))
		}, "block 0 has another digest"},
		{"entry changed", func(t *testing.T, dir string) {
			changeLog(t, dir, func(l *entryLog) error {
				raw, err := l.entry(2)
				try(t, err)
				raw[len(raw)/2] ^= 1
				return l.append(2, [][]byte{raw}, nil)
			})
		}, "entry 2 of the log"},
		{"entry twice", func(t *testing.T, dir string) {
			changeLog(t, dir, func(l *entryLog) error {
				raw, err := l.entry(2)
				try(t, err)
				return l.append(3, [][]byte{raw}, nil)
			})
		}, "does not follow"},
		{"record of the log unreadable", func(t *testing.T, dir string) {
			found, err := filepath.Glob(filepath.Join(dir, logName, "*.log"))
			try(t, err)
			for _, path := range found {
				content := mustRead(t, path)
				if len(content) > 0 {
					content[len(content)/3] ^= 1
				}
				try(t, os.WriteFile(path, content, 0o600))
			}
		}, "but had reached entry 2: it is damaged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := initOrigin(t)
			o := start(t, dir)
			o.publish(t, files{"a": "alpha beta gamma"}, api.PublishOptions{})
			o.publish(t, many, api.PublishOptions{})
			o.stop()
			test.damage(t, dir)
			if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func changeLog(t *testing.T, dir string, change func(*entryLog) error) {
	t.Helper()
	l, err := openLog(filepath.Join(dir, logName), slog.New(slog.DiscardHandler))
	try(t, err)
	try(t, change(l))
	try(t, l.close())
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package spool

import (
	"errors"
	"strings"
	"testing"

	"fanfare/internal/api"
)

// What edges would not serve as it was meant is refused in a sentence.
func TestPublishOptionsRefused(t *testing.T) {
	header := func(name, value string) api.PublishOptions {
		return api.PublishOptions{Headers: []api.Header{{Name: name, Value: value}}}
	}
	for _, test := range []struct {
		options api.PublishOptions
		want    string // empty: it is accepted
	}{
		{header("Content-Length", "5"), "the header content-length cannot be published: edges say it themselves"},
		{header("ETag", `"x"`), "etag cannot be published"},
		{header(" Transfer-Encoding ", "chunked"), "transfer-encoding cannot be published"},
		{header("Connection", "X-Hop"), "connection cannot be published"},
		{header("Last-Modified", "yesterday"), "not a time of HTTP"},
		{header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ""},
		{header("Content-Type", "text/x-test"), ""},
		{header("X Y", "z"), `the header name "x y" is not of letters`},
		{header("X", "a\x01b"), "the value of header x has a control character"},
		{api.PublishOptions{Tags: []string{"a b"}}, `the tag "a b" is not of 1 to 255 bytes without spaces`},
		{api.PublishOptions{Prefix: "../x"}, `the prefix "../x" has . or .. as a component`},
		{api.PublishOptions{Prefix: "/a/%2E%2e"}, "has . or .. as a component"},
		{api.PublishOptions{Prefix: "/a/./b"}, "has . or .. as a component"},
		{api.PublishOptions{Prefix: "/a/..b/.c"}, ""},
		{api.PublishOptions{}, ""},
	} {
		_, err := New("").Receive(Intake{Options: test.options})
		if test.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", test.options, err)
			}
			continue
		}
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "manifest") {
			t.Errorf("%+v: %v, want %s", test.options, err, test.want)
		}
	}
}

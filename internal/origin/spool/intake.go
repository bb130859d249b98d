package spool

import (
	"fmt"
	"net/http"
	"strings"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
)

// Intake says how a publication is read.
type Intake struct {
	// OTI is how the bundles are cut, but for their length.
	OTI     fec.OTI
	Options api.PublishOptions
	// NextFile returns the descriptor of the file that was handed over next, false if there is none;
	// nil for a publisher that can hand over none.
	NextFile func() (fd int, ok bool)
	// Grow is told how many bytes come next, objects with their rows, and may wait; nil for none.
	Grow func(bytes uint64) error
}

// check checks the options, and returns the header fields as edges answer with them. Its error is an
// *api.Error.
func (i *Intake) check() ([]control.Header, error) {
	var headers []control.Header
	for _, h := range i.Options.Headers {
		field := control.Header{Name: strings.ToLower(strings.TrimSpace(h.Name)), Value: strings.TrimSpace(h.Value)}
		if err := servable(field); err != nil {
			return nil, err
		}
		headers = append(headers, field)
	}
	if climbs(i.Options.Prefix) {
		return nil, api.BadRequest(fmt.Errorf("the prefix %q has . or .. as a component", i.Options.Prefix), "give --prefix a path such as /files")
	}
	key, err := control.FileKey(i.Options.Host, i.Options.Prefix, "x")
	if err != nil {
		return nil, api.BadRequest(err, "give --host a host name and --prefix a path such as /files")
	}
	example := control.Object{Key: key, Headers: headers, Tags: i.Options.Tags}
	if err := example.Validate(); err != nil {
		return nil, api.BadRequest(err, "correct --header or --tag")
	}
	return headers, nil
}

// servable refuses a header field that edges would not answer with. The error is an *api.Error.
func servable(h control.Header) error {
	if control.ReservedHeader(h.Name) {
		return api.BadRequest(fmt.Errorf("the header %s cannot be published", h.Name), "edges say it themselves, or never: leave it out")
	}
	if h.Name == "last-modified" {
		if _, err := http.ParseTime(h.Value); err != nil {
			return api.BadRequest(fmt.Errorf("the last-modified %q is not a time of HTTP", h.Value), "write it as in Sun, 06 Nov 1994 08:49:37 GMT")
		}
	}
	return nil
}

// climbs reports whether a component of a prefix is . or .., which a URL would lose (RFC 3986
// §5.2.4).
func climbs(prefix string) bool {
	for component := range strings.SplitSeq(prefix, "/") {
		component = strings.ReplaceAll(strings.ToLower(component), "%2e", ".")
		if component == "." || component == ".." {
			return true
		}
	}
	return false
}

package report

import "io"

// WriteHTML writes the comparison as one HTML page that needs no network.
func (c *Comparison) WriteHTML(w io.Writer) error { return nil }

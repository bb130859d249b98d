// Package edges is what the origin knows of its edges: which are expected, what each reported last,
// and so which of them serve a publication, and why others do not.
//
// An edge is expected from its first report on, restarts of the origin included, until it is
// forgotten or comes back with another identity. The sending loop writes the table, everybody
// reads it.
package edges

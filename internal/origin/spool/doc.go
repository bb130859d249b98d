// Package spool makes bundles of what publishers bring, and keeps them in a directory.
//
// A publication (intake.go) comes as a tar stream (publication.go), beside which a publisher on this
// machine may hand over its files open (handed.go). Large files are written as they come (copy.go),
// small ones gathered in memory until they fill a bundle (gathered.go); the digests are computed on the
// way (bundle.go). What comes out is staged (staged.go): written and durable, with what an entry says
// of it, but without a number. Who appends the entries then has the spool Name and Keep the bundles.
//
// A small bundle alone is not durable when it is staged: it goes into the log, in one write with its
// entry, and its file is made durable later, by Settle (journal.go).
//
// A bundle never changes once it has a name. Until the entry that publishes it is durable its file
// means nothing, and what has no entry at the start is thrown away by Sweep.
package spool

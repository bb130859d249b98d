package main

import (
	"slices"
	"strings"
)

// packages are those that begin their errors with their name, which says nothing to an operator.
var packages = []string{
	"api", "carousel", "compare", "control", "daemon", "edge", "edgecache", "fec", "fetch", "handover",
	"mcast", "netem", "netns", "origin", "payload", "progress", "receiver", "scenario", "sender", "session",
	"sim", "spool", "tree", "wire",
}

// sentence returns the text of an error as an operator is to read it: without the names of packages.
func sentence(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		parts := strings.Split(line, ": ")
		last := parts[len(parts)-1]
		parts = slices.DeleteFunc(parts[:len(parts)-1], func(part string) bool { return slices.Contains(packages, part) })
		lines[i] = strings.Join(append(parts, last), ": ")
	}
	return strings.Join(lines, "\n")
}

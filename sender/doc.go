// Package sender decides which symbol goes out next, and when.
package sender

// Package receiver knows what is missing, when to ask for it, and when a block can be decoded.
package receiver

// Package payload makes the payloads of the packets that the origin sends: encoding symbols of the
// entries and bundles that it was told of, by name. The sender engine never sees them.
//
// Source symbols are read from the bundle's file straight into their packets, those of one train
// with as few system calls as can be (scatter.go). Repair symbols are computed, several at a time
// (repairgroup.go), from whole source blocks, of which a few are held in memory.
package payload

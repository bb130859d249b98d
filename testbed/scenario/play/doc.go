// Package play carries out scenarios, with real processes in network namespaces or in the
// simulator, and judges what came of them.
//
// One executor goes through the timeline, samples what there is to see, and judges. It knows
// nothing of where it runs: a bed does the things.
package play

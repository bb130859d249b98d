// Package edgecache is an edge's store: the bundle files, the index beside them, and the
// HTTP face over both.
//
// # On disk
//
//	Dir/bundles/<sequence>   one file per bundle, written straight in place: the cache file
//	Dir/index/               Pebble: rows, mark, entries above the mark, state of each bundle
//	Dir/ballast              space given back to the index when the disk is full
//
// An object is served from its offset in its bundle file. Bundle files only ever go whole.
//
// # Who calls what
//
// One goroutine, the loop, calls the writing half: Apply, Withdraw, Signed, Begin, Symbol,
// StoreBlock, FinishBlock, Poisoned, Ready, Abort, Whole, Wanted, Lost; and either Sync and State, or
// Settle, Unsynced and Durable, with Harden in one goroutine beside it. Commit is called once for
// each bundle that Ready named, by the loop or by other goroutines, several at a time if they like.
// Requests to the Handler, SetReady, Stats, Missing, CheckHead and Position run anywhere, at any
// time. Close comes last, when no other call is running.
//
// The way of a bundle:
//
//	Begin        the transport object is known, from its entry or from EXT_FTI, whichever is first
//	Symbol       a payload, under its name; in memory, or in its place in the file if memory is short
//	FinishBlock  k symbols are there: decode, verify, one write. An error: ask anew for the whole block
//	Poisoned     blocks written before their digest was known, and now refused: ask anew
//	Ready        bundles whose every block is verified
//	Commit       fsync of the file and of the index, then the catalogue: from now on served
//
// # How a request is answered
//
// Requests share the bundle files that they open, and the last of these stay open (files.go), so an
// object costs no open(2). A small one is read into memory and leaves together with the head of
// the answer in one write; a larger one goes by sendfile(2) from its offset, where there is no
// TLS. Both take a server whose connections are those of internal/cork. Conditions and ranges are
// http.ServeContent's; a request without either is answered the same way, but without asking it
// (body.go).
//
// # What survives
//
// An entry is in force over HTTP when Apply returns, and durable when Sync or Harden returns; State
// and Durable tell only what is durable. The file of a bundle that a purge killed goes after the
// purge is durable. The bytes of an unfinished bundle are not synced: a restart verifies them block
// by block against their digests, and what does not match, a hole included, is missing.
//
// A complete bundle is lost (lost.go) if its file is gone, or shorter or longer than it was: somebody
// removed it, or restored a part of the directory, or the file system did. Open looks at the length of
// each file; a request finds it out that meets a file which is gone, too short, or cannot be read. A
// file of the right length is believed. From then on State says that the bundle is lost, requests are
// answered as before it came, and Wanted names it, as one that was not received yet. What it takes to
// receive it again, the OTI and the digests, is in its record. Open goes on with the blocks that are
// still there; a request unlinks what is left, since others may be reading it, and no byte of what they
// read is ever written again. Before a file of a lost bundle's length is made, the loss is durable; and
// before an evicted bundle's file goes the eviction is, so that it is not taken for lost. A bundle that is
// lost a second time waits for Config.RetryAfter, then for twice as long, and so on, up to a day.
// One whose file goes before Commit is through fails, and is wanted again after Config.RetryAfter.
//
// Commit waits for the disk once: for the bundle's file, its name, and the index with the entry,
// which are synced at the same time. Then the bundle is served and told. Only now its record is
// written, which says that the bundle is complete and lets go of the entry; it becomes durable with
// the next sync, 50 ms later at most. So a record is never durable before the bytes are; and when
// the power goes
//
//   - before all three syncs are done, nothing was told. The next Open finds an entry without
//     record, or no entry, and reads the blocks against the digests that the origin signed.
//     What is torn does not match, and is asked for again;
//   - after them, but before the record is durable, Open finds every block as it should be, commits
//     the bundle again, and serves it when it returns, as was told.
//
// That takes reading the bundles that were committed in the last moments; so one of more than
// 16 MiB waits a second time, for its record, before it is served.
//
// A disk that refuses a bundle fails that bundle: for want of space until Config.RetryAfter
// is over or space came back, otherwise until the next Open, which begins it anew. An index that
// cannot be written ends the process (a panic): nothing could be promised any more. So that a
// full disk does not come to that, bundle files leave Config.ReserveBytes free, and the
// index falls back on the ballast.
package edgecache

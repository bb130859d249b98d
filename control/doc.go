// Package control is what an origin says and what everybody knows because of it: keys,
// entries, manifests, their encoding and signatures, and the catalogue that they add up to.
// It is pure: no clock, no I/O, no goroutine.
//
// # Words
//
// A Key names a content object: host and path of a URL in one canonical form. Publishing
// files (FileKey), operators' commands (ParseKey) and HTTP requests (RequestKey) come to their
// keys by the same code, so that no spelling of a URL reaches what another spelling purged.
//
// An Entry is one signed, numbered statement. A publish announces a bundle, the unit of
// transmission; the bundle's Manifest says which objects are in it and where. A purge raises a
// floor: versions below its sequence that its selectors match are dead. A remove is a purge that
// means "answer 404". A retire says that the origin has thrown a bundle away in which nothing was
// alive. The version of an object is the sequence of the entry that published it. Entries form a
// chain by hash, and a Head says where it ends; both are signed over the bytes as sent.
//
// # Catalogue
//
// Entries commute. They come in any order, more than once, and act at once; a Catalogue that
// was given the same entries gives the same answers. It consists of
//
//   - the mark: a sequence S up to which every entry, and every manifest, has been seen;
//   - the rows, exact as of S, one for each key that was live then, with a digest over them that
//     all catalogues at the same mark share;
//   - the overlay: the entries above S, and the floors of the purges among them.
//
// Fold moves the mark. It puts the next entry into the rows, in sequence, and forgets it. An entry
// at or below the mark is ignored for ever, and so are manifests and bytes of it that no row points
// to: therefore floors can be forgotten too when they are folded. What they killed is gone, and
// nothing can bring it back.
//
// A key is live if its newest announced version is above all floors that match it. If it is live,
// the newest complete version (its bytes are here) is served: an old one as long as the new one
// travels. If it is not live, nothing is served. A purge that kills a version kills
// all older ones of the key with it, whatever tags they had. Announced means that the manifest is
// here, since only it says which keys are in a bundle.
//
// Older versions that may still be served are kept beside the row, until a newer one is
// complete. They depend on what an edge has, so they are no part of the digest.
//
// # Retired bundles
//
// One who comes late may find a publish of which nobody has the manifest any more. If an entry
// further on retires that bundle, everything up to that entry is folded in one step. The rows come
// out the same, as its objects are all replaced or purged by then, on one condition: a purge by
// tag works on objects whose tags are known. So before it retires a bundle, the origin purges by
// name those of its keys that have no row any more; Retirable says which.
//
// # A store beside it
//
// A store keeps rows by the bundle, since a bundle's come together and mostly go together: the
// objects of each manifest as AppendRows has them, from when the manifest is known, and which of them
// are rows no more. Changes, as Fold returns them, are one batch for it: rows to delete, the new
// mark, entries and bundles to forget. It keeps besides: entries above the mark, as sent, from when
// they are applied; manifests of bundles until they are folded; and which bundles are complete.
// After a restart it hands rows, mark and complete bundles to Restore, and applies the entries
// above the mark again.
package control

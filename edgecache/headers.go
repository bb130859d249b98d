package edgecache

import (
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"fanfare/control"
)

// types are media types that matter to a content network and that the tables of operating
// systems lack or give otherwise.
var types = map[string]string{
	".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".ts": "video/mp2t",
	".m4s": "video/iso.segment", ".mp4": "video/mp4", ".m4a": "audio/mp4", ".webm": "video/webm", ".vtt": "text/vtt; charset=utf-8",
	".wasm": "application/wasm", ".woff2": "font/woff2", ".woff": "font/woff", ".avif": "image/avif", ".webp": "image/webp",
	".ico": "image/vnd.microsoft.icon", ".md": "text/markdown; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".go": "text/plain; charset=utf-8",
	".json": "application/json", ".mjs": "text/javascript; charset=utf-8", ".zst": "application/zstd", ".gz": "application/gzip", ".safetensors": "application/octet-stream",
}

// setHeaders copies the published header fields of an object, but for control.ReservedHeader, and
// adds a Content-Type if its name tells one; otherwise http.ServeContent looks at the body. It
// returns the time of last modification: the published one, or that of the entry.
func setHeaders(header http.Header, o *control.Object, entryTime int64) (modified time.Time) {
	if entryTime > 0 {
		modified = time.UnixMilli(entryTime)
	}
	named := connectionOptions(o.Headers)
	for _, h := range o.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		if name == "Last-Modified" {
			if t := lastModified(h.Value); !t.IsZero() {
				modified = t
			}
			continue // http.ServeContent says it
		}
		if !control.ReservedHeader(strings.ToLower(h.Name)) && !named[name] {
			header[name] = append(header[name], h.Value)
		}
	}
	if _, published := header["Content-Type"]; published {
		return modified
	}
	if t := typeByName(o.Key.Path); t != "" {
		header.Set("Content-Type", t)
	} else if _, encoded := header["Content-Encoding"]; encoded {
		header.Set("Content-Type", "application/octet-stream") // the bytes would tell the coding's
	}
	return modified
}

// connectionOptions returns the fields that a Connection field makes the connection's own.
func connectionOptions(headers []control.Header) map[string]bool {
	var named map[string]bool
	for _, h := range headers {
		if !strings.EqualFold(h.Name, "Connection") {
			continue
		}
		for option := range strings.SplitSeq(h.Value, ",") {
			if named == nil {
				named = map[string]bool{}
			}
			named[http.CanonicalHeaderKey(strings.TrimSpace(option))] = true
		}
	}
	return named
}

func typeByName(name string) string {
	extension := strings.ToLower(path.Ext(name))
	if t := types[extension]; t != "" {
		return t
	}
	return mime.TypeByExtension(extension)
}

// entityTagLength is how long an entity tag is.
var entityTagLength = base64.RawURLEncoding.EncodedLen(len(control.Hash{})) + 2

// appendEntityTag appends the strong validator of a body.
func appendEntityTag(dst []byte, digest control.Hash) []byte {
	return append(base64.RawURLEncoding.AppendEncode(append(dst, '"'), digest[:]), '"')
}

func entityTag(digest control.Hash) string { return string(appendEntityTag(nil, digest)) }

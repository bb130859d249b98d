package control

// reserved are the header fields of a connection (RFC 9110 §7.6.1), of a message's framing, and
// those that only a cache can say.
var reserved = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "proxy-authenticate": true,
	"proxy-authorization": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"content-length": true, "content-range": true, "accept-ranges": true,
	"etag": true, "date": true, "age": true, "cache-status": true,
}

// ReservedHeader reports whether edges say a header field themselves, or never, so that there is no use
// in publishing it. name is in lower case, as in Object.Headers. Manifests may have such fields all the
// same: an edge leaves them out.
func ReservedHeader(name string) bool { return reserved[name] }

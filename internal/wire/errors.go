package wire

import "errors"

// invalid is the type of all errors of this package: one constant each, so that refusing
// a packet allocates nothing.
type invalid struct{ reason, text string }

func (e *invalid) Error() string { return e.text }

// The reasons for which a packet is refused.
var (
	// ErrShort: the datagram ends before a header, extension or FEC Payload ID does.
	ErrShort error = &invalid{"short", "wire: short packet"}
	// ErrVersion: the LCT version is not 1.
	ErrVersion error = &invalid{"version", "wire: not LCT version 1"}
	// ErrFlags: the LCT header has other field lengths than C=1, S=1, O=1, H=0.
	ErrFlags error = &invalid{"flags", "wire: other LCT field lengths than ours"}
	// ErrCodepoint: the codepoint is not FEC Encoding ID 129.
	ErrCodepoint error = &invalid{"codepoint", "wire: codepoint is not 129"}
	// ErrHeaderLength: HDR_LEN does not cover the fixed fields.
	ErrHeaderLength error = &invalid{"header_length", "wire: impossible LCT header length"}
	// ErrExtension: a header extension does not fit into the header, has a wrong length, or
	// is there twice.
	ErrExtension error = &invalid{"extension", "wire: malformed header extension"}
	// ErrTOI: the TOI is 2^31, which names nothing.
	ErrTOI error = &invalid{"toi", "wire: TOI names no object"}
	// ErrOTI: EXT_FTI describes no object.
	ErrOTI error = &invalid{"oti", "wire: impossible object transmission information"}
	// ErrPayloadID: the FEC Payload ID names no symbol, or contradicts EXT_FTI.
	ErrPayloadID error = &invalid{"payload_id", "wire: impossible FEC Payload ID"}
	// ErrPayload: the encoding symbol is empty, or not as long as EXT_FTI says.
	ErrPayload error = &invalid{"payload", "wire: wrong symbol length"}
)

// The reasons for which a heartbeat or a feedback message is refused.
var (
	// ErrFormat: a format version that this program does not know.
	ErrFormat error = &invalid{"format", "wire: unknown message format"}
	// ErrTruncated: the message ends in the middle of a value.
	ErrTruncated error = &invalid{"truncated", "wire: message ends too early"}
	// ErrType: a value has another MessagePack type than must be there; also a negative number.
	ErrType error = &invalid{"type", "wire: value of a wrong type"}
	// ErrLimit: a length, a count or a number is above its limit.
	ErrLimit error = &invalid{"limit", "wire: value above its limit"}
	// ErrValue: a value is in range, but makes no sense where it is.
	ErrValue error = &invalid{"value", "wire: impossible value"}
	// ErrTrailing: bytes follow the message.
	ErrTrailing error = &invalid{"trailing", "wire: bytes after the message"}
)

// Reason returns one word, in lower case, for the reason of an error that this package
// returned, as the label of a counter; "other" for every other error. There are 16 words.
func Reason(err error) string {
	if e, ok := err.(*invalid); ok { // the usual case, without the cost of errors.As
		return e.reason
	}
	var e *invalid
	if errors.As(err, &e) {
		return e.reason
	}
	return "other"
}

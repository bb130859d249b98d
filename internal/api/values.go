package api

import (
	"encoding/json"
	"fmt"
	"io"
)

// maxValue is how long one JSON value of an answer may be, in bytes: several times the status of as many
// edges as an origin expects at most.
const maxValue = 256 << 20

// values reads the JSON values of an answer, one after the other, none of which is longer than most.
type values struct {
	decoder *json.Decoder
	r       io.Reader
	most    int64
	left    int64 // of most, for the value that is being read
}

func newValues(r io.Reader, most int64) *values {
	v := &values{r: r, most: most}
	v.decoder = json.NewDecoder(v)
	return v
}

// next reads the next value into result.
func (v *values) next(result any) error {
	v.left = v.most
	return v.decoder.Decode(result)
}

// Read implements io.Reader, for the decoder.
func (v *values) Read(p []byte) (int, error) {
	if v.left <= 0 {
		return 0, fmt.Errorf("%w: a value of more than %d bytes", errAnswer, v.most)
	}
	n, err := v.r.Read(p[:min(int64(len(p)), v.left)])
	v.left -= int64(n)
	return n, err
}

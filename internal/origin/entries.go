package origin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fanfare/internal/api"
)

// maxEntriesSent is how many bytes of entries one answer has, roughly.
const maxEntriesSent = 8 << 20

// handleEntries sends entries, framed, from a sequence on.
func (o *Origin) handleEntries(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	from, err := strconv.ParseUint(query.Get("from"), 10, 64)
	if err != nil || from == 0 {
		return api.BadRequest(fmt.Errorf("from %q is not a sequence", query.Get("from")), "")
	}
	if err := o.checkGeneration(r); err != nil {
		return err
	}
	o.mu.RLock()
	head := o.head.Sequence
	o.mu.RUnlock()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set(api.HeadHeader, strconv.FormatUint(head, 10))
	controller := http.NewResponseController(w)
	var buffer []byte
	sent := 0
	err = o.entries.entries(from, func(sequence uint64, raw []byte) (bool, error) {
		if sequence > head || sent > maxEntriesSent {
			return false, nil
		}
		buffer = api.AppendEntry(buffer[:0], raw)
		_ = controller.SetWriteDeadline(time.Now().Add(patience))
		n, err := w.Write(buffer)
		sent += n
		return err == nil, nil // an edge that went away needs no answer
	})
	if err != nil && sent > 0 {
		o.log.Error("the log cannot be read", "error", err)
		return nil
	}
	return err
}

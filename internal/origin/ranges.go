package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
)

// maxRange is how many bytes of a bundle one request gets at most, but for one block.
const maxRange = 8 << 20

// rangeLimit is how many bytes of a bundle one request gets at most: an edge takes whole blocks, and
// those of very long symbols are longer than maxRange.
func rangeLimit(oti fec.OTI) uint64 {
	return max(maxRange, uint64(oti.MaxBlock)*uint64(oti.SymbolLength))
}

// checkGeneration returns an error if a request means the log of another origin.
func (o *Origin) checkGeneration(r *http.Request) error {
	if g := r.URL.Query().Get("generation"); g != o.session.Generation.String() {
		return &api.Error{
			Status:  http.StatusConflict,
			Message: fmt.Sprintf("this origin's generation is %s, not %q", o.session.Generation, g),
			Hint:    "give the edge the present session.ff and an empty directory",
		}
	}
	return nil
}

// handleBundle sends a range of a bundle, byte for byte as its source symbols have it. Generation
// and sequence name these bytes for good, so there is no other condition on them.
func (o *Origin) handleBundle(w http.ResponseWriter, r *http.Request) error {
	if err := o.checkGeneration(r); err != nil {
		return err
	}
	sequence, err := strconv.ParseUint(r.PathValue("sequence"), 10, 64)
	if err != nil {
		return api.BadRequest(fmt.Errorf("%q is not a sequence", r.PathValue("sequence")), "")
	}
	oti, kept := o.spool.OTI(sequence)
	if !kept {
		return noBundle(sequence)
	}
	first, end, err := parseRange(r.Header.Get("Range"), oti.TransferLength, rangeLimit(oti))
	if err != nil {
		var answer *api.Error
		if errors.As(err, &answer) && answer.Status == http.StatusRequestedRangeNotSatisfiable {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", oti.TransferLength))
		}
		return err
	}
	from := remote(r)
	again, ok := o.catchUp.enter(r.Context(), from)
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int((again+time.Second-1)/time.Second)))
		return &api.Error{Status: http.StatusServiceUnavailable, Message: "many others are catching up"}
	}
	defer o.catchUp.leave(from)
	file, err := o.spool.Open(sequence)
	if errors.Is(err, fs.ErrNotExist) { // retired since
		return noBundle(sequence)
	} else if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(int64(first), io.SeekStart); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.FormatUint(end-first, 10))
	header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, oti.TransferLength))
	header.Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%s.%d", o.session.Generation, sequence)))
	w.WriteHeader(http.StatusPartialContent)
	sent, err := o.catchUp.send(r.Context(), w, file, int64(end-first))
	o.catchUp.sent(uint64(sent), err == nil)
	if errors.Is(err, errShortFile) {
		o.log.Error("a bundle is shorter than it was published: restore it", "sequence", sequence, "path", file.Name())
	}
	return nil // what is missing of the answer tells the edge
}

// errShortFile says that a bundle ended early.
var errShortFile = errors.New("origin: bundle is short")

// send sends bytes of a file, paced. The kernel moves them from the page cache to the connection.
func (c *catchUp) send(ctx context.Context, w http.ResponseWriter, file *os.File, bytes int64) (sent int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit(bytes))
	defer cancel()
	controller := http.NewResponseController(w)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent < bytes {
		n := min(c.slice(), bytes-sent)
		timer.Reset(c.take(time.Now(), n))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return sent, ctx.Err()
		}
		_ = controller.SetWriteDeadline(time.Now().Add(c.patience)) // every connection has one
		written, err := io.CopyN(w, file, n)
		sent += written
		if errors.Is(err, io.EOF) {
			return sent, errShortFile
		} else if err != nil {
			return sent, err
		}
		if err := controller.Flush(); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func noBundle(sequence uint64) error {
	return &api.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no bundle of entry %d, or not any more", sequence)}
}

// remote returns the address that a request came from; on the Unix socket the zero address.
func remote(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr().Unmap()
}

// parseRange reads a Range header with one range that names its first byte, and returns it without
// what lies behind the end of so many bytes, or is more than most. There must be one: a bundle may
// be larger than anyone should get in one answer.
func parseRange(header string, length, most uint64) (first, end uint64, err error) {
	bounds, isBytes := strings.CutPrefix(header, "bytes=")
	from, to, isRange := strings.Cut(bounds, "-")
	first, err = strconv.ParseUint(from, 10, 64)
	last := uint64(math.MaxUint64)
	if err == nil && to != "" {
		last, err = strconv.ParseUint(to, 10, 64)
	}
	if err != nil || !isBytes || !isRange || last < first {
		return 0, 0, api.BadRequest(fmt.Errorf("the header Range %q is not of the form bytes=FIRST-LAST", header), "")
	}
	if first >= length {
		return 0, 0, &api.Error{
			Status:  http.StatusRequestedRangeNotSatisfiable,
			Message: fmt.Sprintf("the bundle has only %d bytes", length),
		}
	}
	if last >= length {
		last = length - 1
	}
	return first, min(last+1, first+most), nil
}

package origin

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/session"
)

const (
	// patience is how long an answer may take to reach its reader.
	patience = 10 * time.Second
	// maxEntriesSent is how many bytes of entries one answer has, roughly.
	maxEntriesSent = 8 << 20
)

// handleWait sends receipts until all expected edges serve the entries, or the time is over.
func (o *Origin) handleWait(w http.ResponseWriter, r *http.Request) error {
	if err := o.errNoReceipts(); err != nil {
		return err
	}
	sequences, timeout, err := o.waitQuery(r)
	if err != nil {
		return err
	}
	o.sendReceipts(r.Context(), newLines(w), sequences, timeout)
	return nil
}

// waitQuery reads the parameters of a wait.
func (o *Origin) waitQuery(r *http.Request) (s api.Sequences, timeout time.Duration, err error) {
	query := r.URL.Query()
	if s.Last, err = strconv.ParseUint(query.Get("last"), 10, 64); err != nil {
		return s, 0, badRequest(fmt.Errorf("last %q is not a sequence", query.Get("last")), "")
	}
	s.First = s.Last
	if text := query.Get("first"); text != "" {
		if s.First, err = strconv.ParseUint(text, 10, 64); err != nil {
			return s, 0, badRequest(fmt.Errorf("first %q is not a sequence", text), "")
		}
	}
	o.mu.RLock()
	head := o.head.Sequence
	o.mu.RUnlock()
	if s.First < 1 || s.First > s.Last || s.Last > head {
		return s, 0, badRequest(fmt.Errorf("entries %d to %d are not in the log, which ends at %d", s.First, s.Last, head), "")
	}
	timeout, err = parseTimeout(query.Get("timeout"))
	return s, timeout, err
}

// parseTimeout reads how long edges are waited for, 30 seconds if text is empty.
func parseTimeout(text string) (time.Duration, error) {
	if text == "" {
		return 30 * time.Second, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout < 0 || timeout > api.MaxWait {
		return 0, badRequest(fmt.Errorf("timeout %q is not a duration up to %v, such as 30s", text, api.MaxWait), "")
	}
	return timeout, nil
}

// handleEntries sends entries, framed, from a sequence on.
func (o *Origin) handleEntries(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	from, err := strconv.ParseUint(query.Get("from"), 10, 64)
	if err != nil || from == 0 {
		return badRequest(fmt.Errorf("from %q is not a sequence", query.Get("from")), "")
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

// handleStatus answers with how the origin and its edges are.
func (o *Origin) handleStatus(w http.ResponseWriter, r *http.Request) error {
	snapshot, err := o.snapshot(r.Context())
	if err != nil {
		return &api.Error{Status: http.StatusServiceUnavailable, Message: err.Error()}
	}
	o.mu.RLock()
	head := o.head.Sequence
	mark, _ := o.catalogue.Mark()
	digest := o.catalogue.Digest()
	objects := o.catalogue.Stats().Keys
	o.mu.RUnlock()
	s := &api.Status{
		Channel: o.session.Channel, Generation: o.session.Generation.String(),
		Group: o.session.Group.String(), Interface: o.config.Interface, Origin: o.session.Origin,
		Rate: uint64(o.session.Rate), Started: o.started, Head: head, Digest: digest.String(),
		Objects: objects, SpoolBytes: o.spool.size(),
		Sender: api.Sender{
			PacketsSent: snapshot.engine.PacketsSent, BytesSent: snapshot.engine.BytesSent,
			SourceSymbolsSent: snapshot.engine.SourceSymbolsSent, RepairSymbolsSent: snapshot.engine.RepairSymbolsSent + snapshot.engine.ProactiveSymbolsSent,
			ProactiveSymbolsSent: snapshot.engine.ProactiveSymbolsSent,
			HeartbeatsSent:       snapshot.engine.HeartbeatsSent, NACKsReceived: snapshot.engine.NACKsReceived,
			FeedbackInvalid: snapshot.loop.FeedbackInvalid, GRTTSeconds: snapshot.engine.GRTT.Seconds(),
			Rate: uint64(snapshot.engine.Rate), RateAllowed: uint64(snapshot.engine.RateAllowed),
			Sending: snapshot.sending,
		},
	}
	if err := o.refusal(); err != nil {
		s.Outdated = err.Error()
	}
	unicast := o.catchUp.snapshot()
	s.CatchUp = api.CatchUp{
		Rate: o.catchUp.rate, Bytes: unicast.Bytes, Sending: unicast.Sending, Waiting: unicast.Waiting, Refused: unicast.Refused,
	}
	if o.session.Source.IsValid() {
		s.Source = o.session.Source.String()
	}
	s.Edges = o.edges.status(time.Now(), head, mark, digest, o.spool.get)
	s.Mode, s.Carousel = string(cmp.Or(o.session.Mode, session.TwoWay)), o.carouselStatus(snapshot)
	writeJSON(w, http.StatusOK, s)
	return nil
}

package origin

import (
	"cmp"
	"net/http"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/session"
)

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
		Objects: objects, SpoolBytes: o.spool.Size(),
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
	s.Edges = o.edges.Status(time.Now(), head, mark, digest, o.spool.OTI)
	s.Mode, s.Carousel = string(cmp.Or(o.session.Mode, session.TwoWay)), o.carouselStatus(snapshot)
	writeJSON(w, http.StatusOK, s)
	return nil
}

package origin

import (
	"log/slog"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/origin/edges"
	"fanfare/internal/wire"
)

func TestAnEdgeForgottenAndHeardAgainIsStored(t *testing.T) {
	log, err := openLog(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	now := time.Unix(1000, 0)
	o := &Origin{entries: log, edges: edges.New(control.Generation{}, nil, func() {}, slog.New(slog.DiscardHandler))}
	hear := func() {
		o.edges.Heard(now, &wire.Feedback{Edge: 1, Report: &wire.Report{Name: "a"}}, edges.Follows, time.Millisecond, time.Minute)
	}
	hear()
	if err := o.storeEdges(); err != nil {
		t.Fatal(err)
	}
	o.edges.Forget("a")
	hear()
	if err := o.storeEdges(); err != nil {
		t.Fatal(err)
	}
	if saved, err := log.loadEdges(); err != nil || saved[1].Name != "a" {
		t.Errorf("stored: %v, %v", saved, err)
	}
}

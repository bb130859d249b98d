package origin

import (
	"log/slog"
	"testing"
	"time"

	"fanfare/internal/wire"
)

func TestAnEdgeForgottenAndHeardAgainIsStored(t *testing.T) {
	log, err := openLog(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	now := time.Unix(1000, 0)
	o := &Origin{entries: log, edges: testTable()}
	tell(o.edges, now, 1, "a", wire.Report{})
	if err := o.storeEdges(); err != nil {
		t.Fatal(err)
	}
	o.edges.forget("a")
	tell(o.edges, now, 1, "a", wire.Report{})
	if err := o.storeEdges(); err != nil {
		t.Fatal(err)
	}
	if saved, err := log.loadEdges(); err != nil || saved[1].Name != "a" {
		t.Errorf("stored: %v, %v", saved, err)
	}
}

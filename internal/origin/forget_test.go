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

func TestForgettingAnEdgeSurvivesKill(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	o.stop()
	log, err := openLog(dir+"/"+logName, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.saveEdges(map[uint64]savedEdge{1: {Name: "a"}, 2: {Name: "b"}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	client, kill := startChild(t, dir)
	if err := client.ForgetEdge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	kill()
	client, _ = startChild(t, dir)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(status.Edges) != 1 || status.Edges[0].Name != "b" {
		t.Errorf("edges after a kill: %v", status.Edges)
	}
}

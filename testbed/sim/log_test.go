package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/testbed/netem"
)

// object returns one to be published under a path.
func object(t *testing.T, path string, length uint64, tags ...string) control.Object {
	t.Helper()
	key, err := control.ParseKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return control.Object{Key: key, Length: length, Tags: tags}
}

func tag(name string) control.Selector { return control.Selector{Kind: control.SelectTag, Tag: name} }

// check wants every edge in step and nothing served that was purged.
func check(t *testing.T, cfg Config, r Result) {
	t.Helper()
	want := LogResult{Head: uint64(len(r.Objects)), InStep: len(cfg.Edges), CatchUps: r.Log.CatchUps}
	if r.Log != want {
		t.Errorf("seed %d: %+v, want %+v", cfg.Seed, r.Log, want)
	}
}

// story publishes, replaces, purges, removes and retires under way.
func story(t *testing.T, cfg Config) (*Simulation, Result) {
	t.Helper()
	cfg.Entries = true
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ms := time.Millisecond
	var pages []control.Object // whose manifest does not fit into the entry
	for i := range 60 {
		pages = append(pages, object(t, fmt.Sprintf("/pages/%02d", i), 20_000, "pages", fmt.Sprint("p", i%3)))
	}
	again := slices.Clone(pages[:10])
	s.PublishObjects(200*ms, pages...)                                                           // 1
	s.PublishObjects(210*ms, object(t, "/film", 3_000_000, "film"), object(t, "/poster", 5_000)) // 2
	s.Purge(230*ms, tag("p1"))                                                                   // 3
	s.PublishObjects(240*ms, again...)                                                           // 4
	s.Purge(260*ms, tag("film"))                                                                 // 5: on its way
	s.Remove(300*ms, pages[0].Key, object(t, "/poster", 0).Key)                                  // 6
	s.PublishObjects(350*ms, object(t, "/film", 500_000))                                        // 7
	s.Purge(600*ms, control.Selector{Kind: control.SelectKey, Key: object(t, "/film", 0).Key})   // 8
	s.Retire(700*ms, 2, 7)                                                                       // 9
	return s, finish(t, s)
}

func TestCatalogues(t *testing.T) {
	for seed := range uint64(30) {
		cfg := lan(6, 0.1)
		cfg.Seed = seed
		for i := range cfg.Edges {
			cfg.Edges[i].Up.Loss = 0.1
			if i%2 == 1 {
				cfg.Edges[i].Down = netem.Config{
					Delay: 10 * time.Millisecond, Burst: netem.Bursts(0.05, 10), Reorder: 0.05, ReorderDelay: 5 * time.Millisecond, Duplicate: 0.05,
				}
			}
		}
		s, r := story(t, cfg)
		check(t, cfg, r)
		if r.Objects[0].Done != 6 || r.Objects[1].Done == 6 {
			t.Errorf("seed %d: the pages are at %d edges, the first film, purged on its way, at %d", seed, r.Objects[0].Done, r.Objects[1].Done)
		}
		for i, took := range s.InForce(8) {
			if took < 10*time.Millisecond || took > time.Second {
				t.Errorf("seed %d: edge %d knew of a purge after %v", seed, i, took)
			}
		}
		if _, again := story(t, cfg); again.Trace != r.Trace {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

// TestCatalogueRestart stops edges under way: what they had stored is what they begin with.
func TestCatalogueRestart(t *testing.T) {
	for seed := range uint64(20) {
		cfg := lan(4, 0.05)
		cfg.Seed, cfg.Entries = seed, true
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ms := time.Millisecond
		for n := range 40 {
			at := 200*ms + time.Duration(n)*20*ms
			s.PublishObjects(at, object(t, fmt.Sprint("/", n%7), 200_000, fmt.Sprint("t", n%3)), object(t, fmt.Sprint("/big/", n), 60_000))
			s.Purge(at+11*ms, tag(fmt.Sprint("t", (n+1)%3)))
		}
		for i := range 3 {
			at := 230*ms + time.Duration(i)*170*ms
			s.At(at, func() { s.StopEdge(i) })
			s.At(at+time.Duration(i*i)*120*ms, func() { s.fail(s.StartEdge(i)) })
		}
		check(t, cfg, finish(t, s))
	}
}

// TestCatalogueLateJoin has an edge join behind a long log: by unicast, though its link is cut at
// first.
func TestCatalogueLateJoin(t *testing.T) {
	cfg := lan(2, 0.01)
	cfg.Entries, cfg.Edges[1].Join = true, 2*time.Second
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		s.PublishObjects(time.Duration(n)*5*time.Millisecond, object(t, fmt.Sprint("/", n%50), 1000))
	}
	s.At(2100*time.Millisecond, func() {
		_, up := s.Link(1)
		up.Cut(s.now.Add(time.Second))
	})
	r := finish(t, s)
	check(t, cfg, r)
	if r.Log.CatchUps == 0 || r.Objects[10].Done != 1 || r.Objects[199].Done != 2 {
		t.Errorf("%+v; an old version is at %d edges, a new one at %d", r.Log, r.Objects[10].Done, r.Objects[199].Done)
	}
}

// TestJudge shows that a served object that is purged would be found.
func TestJudge(t *testing.T) {
	cfg := lan(1, 0)
	cfg.Entries = true
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.PublishObjects(0, object(t, "/a", 100, "x"))
	s.Purge(200*time.Millisecond, tag("x"))
	s.At(201*time.Millisecond, func() { s.objects[1].done[0] = s.now; s.missing-- }) // as if it were in force
	if _, err := s.Run(205 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s.judgeKey(0, object(t, "/a", 0).Key)
	if s.verdict.PurgedServed != 1 {
		t.Errorf("%d counted", s.verdict.PurgedServed)
	}
}

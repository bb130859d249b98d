package e2e

import (
	"context"
	"fmt"
	"sort"
	"testing"
	"time"

	"fanfare/internal/api"
)

func TestZLatency(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.1} {
		w := newWorld(t, worldConfig{Edges: 4, Loss: loss, Namespaces: true})
		var pub, pur, direct []float64
		for i := range 40 {
			name := fmt.Sprintf("f%d", i)
			start := time.Now()
			s := w.publish(map[string][]byte{name: content(name, 100_000)}, "t")
			call := time.Since(start)
			r := w.await(s, 5*time.Second)
			pub = append(pub, r.Seconds*1000)
			_ = call
			start = time.Now()
			s, err := w.client.Purge(context.Background(), api.PurgeRequest{Keys: []string{"/" + name}})
			if err != nil {
				t.Fatal(err)
			}
			api1 := time.Since(start)
			r = w.await(s, 5*time.Second)
			pur = append(pur, r.Seconds*1000)
			direct = append(direct, float64(api1.Microseconds())/1000)
		}
		for _, x := range []struct {
			n string
			v []float64
		}{{"publish receipt", pub}, {"purge receipt", pur}, {"purge API call", direct}} {
			sort.Float64s(x.v)
			t.Logf("loss %v %s ms: median %.1f p90 %.1f max %.1f", loss, x.n, x.v[len(x.v)/2], x.v[len(x.v)*9/10], x.v[len(x.v)-1])
		}
	}
}

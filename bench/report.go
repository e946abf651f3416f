package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// cell is what all targets took of one size of answer.
type cell struct {
	name    string
	order   []string
	samples map[string][]sample
}

// goal is the most that the ratio of two targets may be.
type goal struct {
	cell, of, to string
	most         float64
	must         bool
}

var goals = []goal{
	{"1", byServerREST, byTextbookREST, .60, false},
	{"100", byServerREST, byTextbookREST, .14, true},
	{"1000", byServerREST, byTextbookREST, .09, true},
	{"1", byServerGRPC, byTextbookGRPC, 1.1, false},
	{"100", byServerGRPC, byTextbookGRPC, .30, true},
	{"1000", byServerGRPC, byTextbookGRPC, .20, true},
	{"1", byServerREST, byProxy, 1.8, false},
	{"100", byServerREST, byProxy, 2.3, false},
	{"1000", byServerREST, byProxy, 5, false},
	{"1", byServerREST, byServerGRPC, 1.3, false},
	{"100", byServerREST, byServerGRPC, 1.3, true},
	{"1000", byServerREST, byServerGRPC, 1.3, true},
	{"1", byTracedREST, byServerREST, 1.03, true},
	{"100", byTracedREST, byServerREST, 1.03, true},
	{"1", byServerKept, byNginx, 3, false},
	{"100", byServerKept, byNginx, 2, false},
	{"1000", byServerKept, byNginx, .8, false},
	{"stream", byStreamGRPC, byTenPages, 1.2, false},
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// ratios are those of two targets in each round.
func (c cell) ratios(of, to string) (out []float64) {
	for i, sample := range c.samples[of] {
		if i < len(c.samples[to]) && c.samples[to][i].cpu > 0 {
			out = append(out, float64(sample.cpu)/float64(c.samples[to][i].cpu))
		}
	}
	return out
}

func medianOf[T cmp.Ordered](samples []sample, of func(sample) T) T {
	values := make([]T, 0, len(samples))
	for _, sample := range samples {
		values = append(values, of(sample))
	}
	return median(values)
}

// report prints the tables, and returns how many of the goals that must be met no round has met.
func report(w io.Writer, cells []cell, peers []*peer, how string) (missed int) {
	_, _ = fmt.Fprintf(w, "%s, %s on %d cores; %s.\n\n", time.Now().UTC().Format("2 January 2006"), runtime.Version(), runtime.NumCPU(), how)
	for _, c := range cells {
		what := "accounts in one answer"
		if c.name == "stream" {
			what = fmt.Sprintf("%d accounts", streamed)
		}
		_, _ = fmt.Fprintf(w,
			"| %s | CPU of a request, ms | requests a second | half took less than, ms | allocations |\n| --- | --- | --- | --- | --- |\n",
			strings.TrimPrefix(c.name+" "+what, "stream "))
		for _, name := range c.order {
			samples := c.samples[name]
			allocations := ""
			if n := medianOf(samples, func(s sample) float64 { return s.mallocs }); n > 0 {
				allocations = fmt.Sprintf("%.0f", n)
			}
			_, _ = fmt.Fprintf(w, "| %s | %.3f | %.0f | %.2f | %s |\n", name,
				float64(medianOf(samples, func(s sample) time.Duration { return s.cpu }))/1e6,
				medianOf(samples, func(s sample) float64 { return s.rate }),
				float64(medianOf(samples, func(s sample) time.Duration { return s.p50 }))/1e6, allocations)
		}
		_, _ = fmt.Fprintln(w)
	}
	_, _ = fmt.Fprint(w,
		"| CPU of a request, ratio in a round | accounts | median | least–most | goal | |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, g := range goals {
		for _, c := range cells {
			ratios := c.ratios(g.of, g.to)
			if c.name != g.cell || len(ratios) == 0 {
				continue
			}
			said, best := "", slices.Min(ratios)
			switch {
			case median(ratios) <= g.most:
			case best <= g.most:
				said = "met by the best round"
			default:
				said = "missed"
				if g.must {
					missed++
				}
			}
			_, _ = fmt.Fprintf(w, "| %s ÷ %s | %s | %.2f | %.2f–%.2f | %.2f | %s |\n", g.of, g.to, c.name, median(ratios), best,
				slices.Max(ratios), g.most, said)
		}
	}
	_, _ = fmt.Fprint(w, "\nMost memory, MiB:")
	for i, peer := range peers {
		if i > 0 {
			_, _ = fmt.Fprint(w, ",")
		}
		_, _ = fmt.Fprintf(w, " %s %.0f", peer.name, peer.peak())
	}
	_, _ = fmt.Fprintln(w, ".")
	return missed
}

package contract

import (
	"context"
	"slices"
)

// first are the accounts from the first on, sorted by number, as many as take says.
func first(ctx context.Context, s *session, skip, take int) (*answer, []any) {
	a := s.list(ctx, "list_accounts", "sort", "numero", "skip", itoa(skip), "take", itoa(take))
	rows, _ := a.rows()
	if !a.ok() {
		rows = nil
	}
	return a, rows
}

func paging(id, question, assumed string, required bool, run func(context.Context, *session) outcome) probe {
	return probe{
		id: "paging." + id, operation: "list_accounts", question: question, assumed: assumed, reference: "R 1.6", required: required,
		run: func(ctx context.Context, s *session) outcome {
			if a, rows := first(ctx, s, 0, 3); len(rows) < 3 {
				return open("the dossier has fewer than three accounts, or they cannot be sorted by numero", a.told())
			}
			return run(ctx, s)
		},
	}
}

func pagingProbes() []probe {
	return slices.Concat(orderProbes(), capProbes(), []probe{
		paging("quoted", `Are skip="1" and take="1" taken in quotation marks, as the pages print them?`, "no",
			false, func(ctx context.Context, s *session) outcome {
				a := s.list(ctx, "list_accounts", "sort", "numero", "skip", `"1"`, "take", `"1"`)
				rows, _ := a.rows()
				return judged(!a.ok() || len(rows) != 1, a.told().with("rows", count(len(rows))))
			}),
		selecting("one", "numero", 1),
		selecting("commas", "numero,libelle", 2),
		selecting("ampersands", "numero&&libelle", 2),
	})
}

// orderProbes ask what comes, and in which order.
func orderProbes() []probe {
	return []probe{
		paging("take", "Does take=2 give two accounts?", "yes", true, func(ctx context.Context, s *session) outcome {
			a, rows := first(ctx, s, 0, 2)
			return judged(len(rows) == 2, a.told().with("rows", count(len(rows))))
		}),
		paging("skip", "Does skip=1 begin with the second account?", "yes", true, func(ctx context.Context, s *session) outcome {
			_, all := first(ctx, s, 0, 3)
			a, rest := first(ctx, s, 1, 2)
			return judged(slices.Equal(column(rest, "numero"), column(all, "numero")[1:3]), a.told().with("rows", count(len(rest))))
		}),
		paging("sort", "Does sort=numero sort, and sort=numero:desc the other way round?", "yes",
			true, func(ctx context.Context, s *session) outcome {
				a, rows := first(ctx, s, 0, sample)
				down := s.list(ctx, "list_accounts", "sort", "numero:desc", "skip", "0", "take", "2")
				last, _ := down.rows()
				numbers, most := column(rows, "numero"), column(last, "numero")
				descends := down.ok() && len(most) == 2 && most[0] > most[1] && most[0] >= numbers[len(numbers)-1]
				return judged(a.ok() && sorted(numbers) && descends,
					down.told().with("ascends", flag(sorted(numbers))).with("descends", flag(descends)))
			}),
		paging("sort_two", "Does sort=libelle&&numero take two fields?", "yes", true, func(ctx context.Context, s *session) outcome {
			a := s.list(ctx, "list_accounts", "sort", "libelle&&numero", "skip", "0", "take", "2")
			rows, _ := a.rows()
			return judged(a.ok() && len(rows) == 2, a.told())
		}),
		paging("repeatable", "Does the same query give the same rows in the same order?", "yes, when sorted",
			true, func(ctx context.Context, s *session) outcome {
				_, once := first(ctx, s, 0, sample)
				s.forget("list_accounts", "sort", "numero", "skip", "0", "take", itoa(sample))
				a, twice := first(ctx, s, 0, sample)
				return judged(a.ok() && slices.Equal(column(once, "objectId"), column(twice, "objectId")), a.told())
			}),
		paging("past_the_end", "What does a skip beyond the last account give?", "an empty list, HTTP 200", true,
			func(ctx context.Context, s *session) outcome {
				a, rows := first(ctx, s, 1_000_000, 10)
				return judged(a.ok() && len(rows) == 0, a.told().with("rows", count(len(rows))))
			}),
	}
}

// capProbes ask how much comes at a time.
func capProbes() []probe {
	return []probe{
		paging("default", "How many accounts come without take?", "100 at most", false, func(ctx context.Context, s *session) outcome {
			a := s.list(ctx, "list_accounts", "sort", "numero", "skip", "0")
			rows, _ := a.rows()
			if !a.ok() {
				return open(a.why(), a.told())
			}
			if len(rows) < sample {
				return open("the dossier has fewer accounts than that", Seen{"rows": count(len(rows))})
			}
			return judged(len(rows) == sample, Seen{"rows": count(len(rows))})
		}),
		paging("cap", "How many accounts does take=1000 give at most?", "100, silently", false, func(ctx context.Context, s *session) outcome {
			a, rows := first(ctx, s, 0, 1000)
			if !a.ok() {
				return judged(false, a.told())
			}
			seen := Seen{"rows": count(len(rows))}
			if len(rows) < 1000 { // a cap, or the end?
				_, next := first(ctx, s, len(rows), 1)
				if seen["more follow"] = flag(len(next) > 0); len(next) == 0 {
					return open("the dossier has no more accounts than were given at once", seen)
				}
			}
			return judged(len(rows) == 100, seen)
		}),
		paging("short_page", "Does a page shorter than take come before the end?", "only where a cap cuts every page",
			false, func(ctx context.Context, s *session) outcome {
				const page, most = 50, 40
				_, rows := first(ctx, s, 0, page)
				if len(rows) < page {
					return open("the dossier has fewer accounts than a page of 50", nil)
				}
				for n := 1; n < most; n++ {
					a, rows := first(ctx, s, n*page, page)
					if !a.ok() {
						return open(a.why(), a.told())
					}
					if len(rows) == page {
						continue
					}
					_, beyond := first(ctx, s, n*page+len(rows), 1)
					return judged(len(beyond) == 0, Seen{
						"pages": count(n + 1), "rows of the short page": count(len(rows)),
						"more follow": flag(len(beyond) > 0),
					})
				}
				return judged(true, Seen{"full pages": count(most)})
			}),
	}
}

func selecting(id, expression string, fields int) probe {
	return probe{
		id: "select." + id, operation: "list_accounts", question: "What does select=" + expression + " give?",
		assumed: "only the fields named; the separator is not documented", reference: "R 1.3",
		run: func(ctx context.Context, s *session) outcome {
			a := s.list(ctx, "list_accounts", "select", expression, "take", "2")
			rows, _ := a.rows()
			if !a.ok() || len(rows) == 0 {
				return judged(false, s.withObject(a.told(), a))
			}
			shape := shapeOf(rows)
			asked := shape.present["numero"] > 0 && (fields == 1 || shape.present["libelle"] > 0)
			return judged(asked && shape.present["collectif"] == 0, a.told().with("members", s.vocab.names(shape.names())))
		},
	}
}

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"cegid.internal/gateway/server/internal/app"
	"cegid.internal/gateway/server/internal/policy"
)

// explain says what the policy lets a caller do, and why: by the decision that the service itself makes.
func (c *checkCommand) explain(out io.Writer, set *app.Settings) error {
	if !slices.Contains(set.Policy.Callers(), c.As) {
		return denied{fmt.Sprintf("the policy has no caller %s; its callers are %s", c.As, strings.Join(set.Policy.Callers(), ", "))}
	}
	if !slices.Contains(set.Config.PracticeNames(), c.Practice) {
		return denied{fmt.Sprintf("the configuration has no practice %s", c.Practice)}
	}
	rights, ofDossier, own, by := policy.Rights(), c.Dossier != "", false, ""
	switch {
	case c.Right != "":
		rights = slices.DeleteFunc(rights, func(r policy.Right) bool { return r.String() != c.Right })
	case c.RPC != "":
		methods, err := app.Methods()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(methods, func(m app.Method) bool { return m.Name == c.RPC })
		if i < 0 {
			return fmt.Errorf("there is no method %s; write Service.Method, such as %s", c.RPC, methods[0].Name)
		}
		method := methods[i]
		if method.OfDossier != (c.Dossier != "") {
			switch {
			case method.Right == policy.Raw: // with or without
			case method.OfDossier:
				return fmt.Errorf("%s is about a dossier; give --dossier", method.Name)
			default:
				return fmt.Errorf("%s is about the practice itself; leave --dossier out", method.Name)
			}
		}
		rights, ofDossier, own, by = []policy.Right{method.Right}, method.OfDossier, method.Own, " ("+method.Name+")"
	}
	where := c.Practice
	if c.Dossier != "" {
		where += "/" + c.Dossier
	}
	allowed := 0
	for _, right := range rights {
		question := policy.Question{
			Caller: c.As, Practice: c.Practice, Dossier: c.Dossier, OfDossier: ofDossier,
			Access: policy.Access{Right: right, Own: own},
		}
		decision := set.Policy.Decide(question)
		text := "denied: " + decision.Why
		if decision.Allowed {
			allowed++
			text = "allowed by " + decision.Grant
		}
		if _, err := fmt.Fprintf(out, "%s, %s, %s%s: %s\n", c.As, where, right, by, text); err != nil {
			return err
		}
	}
	if allowed == 0 {
		return denied{fmt.Sprintf("%s may do nothing of this", c.As)}
	}
	return nil
}

// denied ends check with a code of its own.
type denied struct{ why string }

func (d denied) Error() string { return d.why }

func (denied) ExitCode() int { return 3 }

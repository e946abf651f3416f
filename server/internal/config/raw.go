package config

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"cegid.internal/gateway/cegidclient"
	"cegid.internal/gateway/server/internal/contract"
	"cegid.internal/gateway/server/internal/rawdoor"
	"cegid.internal/gateway/server/internal/strictyaml"
)

// raw reads the routes that raw calls may use.
func (l *loader) raw(n strictyaml.Node) []rawdoor.Route {
	items, _ := n.Items()
	var routes []rawdoor.Route
	for _, item := range items {
		if !item.Given() {
			item.Refusef("the route is empty; give it a method and a path, or remove it")
			continue
		}
		fields, ok := item.Fields()
		if !ok {
			continue
		}
		route := rawdoor.Route{
			Method: l.rawMethod(fields.Get("method"), fields.Get("write")),
			Scope: choice(fields.Get("dossier"), map[string]rawdoor.Scope{
				"required": rawdoor.Dossier, "cabinet": rawdoor.Practice, "none": rawdoor.Unscoped,
			}),
			Key: choice(fields.Get("key"), map[string]cegidclient.KeyKind{
				"standard": cegidclient.KeyStandard, "advanced": cegidclient.KeyAdvanced,
			}),
			Query: l.rawQuery(fields.Get("query")),
		}
		place := fields.Get("path")
		if route.Path, ok = place.Text(); !place.Given() {
			place.Refusef("the route has no path; give the one below Loop's base URL")
		} else if ok {
			err := rawdoor.CheckRoute(route.Method, route.Path)
			if wrapped, is := errors.AsType[*rawdoor.WrappedError](err); is {
				rpcs := strings.Join(contract.RPCs(wrapped.Operation), " and ")
				place.Refusef("is wrapped by %s, which is the way to call it; remove it", rpcs)
			} else if err != nil {
				place.Refusef("%s", err)
			}
		}
		if slices.ContainsFunc(routes, func(r rawdoor.Route) bool { return r.Method == route.Method && strings.EqualFold(r.Path, route.Path) }) {
			item.Refusef("the route is listed twice; keep one")
		}
		routes = append(routes, route)
	}
	return routes
}

// rawMethod reads the method of a route. One that writes has to be said to, because it is unknown what it does.
func (l *loader) rawMethod(n, write strictyaml.Node) string {
	method, ok := n.Text()
	writes := write.Bool()
	switch {
	case !n.Given():
		n.Refusef("the route has no method; write GET, or another one with write: true")
	case !ok: // reported by Text
	case !slices.Contains(rawdoor.Methods(), method):
		n.Refusef("must be one of %s", strings.Join(rawdoor.Methods(), ", "))
	case method != http.MethodGet && !writes:
		n.Refusef("%s may change what Loop holds; add write: true if that is meant", method)
	case method == http.MethodGet && writes:
		write.Refusef("GET does not write; leave write out")
	}
	return method
}

func (l *loader) rawQuery(n strictyaml.Node) []string {
	items, _ := n.Items()
	var names []string
	for _, item := range items {
		name, ok := item.Text()
		switch {
		case !item.Given():
			item.Refusef("the item is empty; give the name of a parameter, or remove it")
		case !ok: // reported by Text
		case slices.Contains(names, name):
			item.Refusef("the parameter is listed twice; keep one")
		default:
			if err := rawdoor.CheckParameter(name); err != nil {
				item.Refusef("%s", err)
			}
			names = append(names, name)
		}
	}
	return names
}

// choice reads one of a few words.
func choice[T any](n strictyaml.Node, of map[string]T) T {
	value, known := of[n.TextOrDefault()]
	if !known {
		n.Refusef("must be one of %s", strings.Join(slices.Sorted(maps.Keys(of)), ", "))
	}
	return value
}

package cli

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
)

// target is what arguments name: a kind, and objects of it; no names: all.
type target struct {
	kind  *kind
	names []string
}

// targets reads TYPE, TYPE,TYPE, TYPE NAME..., and TYPE/NAME ....
func targets(args []string) ([]target, error) { return targetsAmong(args, kindNamed) }

// targetsAmong is targets of the kinds that find knows.
func targetsAmong(args []string, find func(word string) (*kind, error)) ([]target, error) {
	if len(args) == 0 {
		return nil, usagef("what must be given: %s, job/NAME, run/NAME", api.KindPlurals(""))
	}
	if strings.Contains(args[0], "/") {
		return slashTargets(args, find)
	}
	var out []target
	for word := range strings.SplitSeq(args[0], ",") {
		if strings.EqualFold(word, "all") {
			for _, k := range kinds {
				if k.inAll() {
					out = append(out, target{kind: k})
				}
			}
			continue
		}
		k, err := find(word)
		if err != nil {
			return nil, err
		}
		out = append(out, target{kind: k})
	}
	for _, name := range args[1:] {
		if strings.Contains(name, "/") {
			return nil, usagef("%q: TYPE NAME and TYPE/NAME do not go together", name)
		}
		for i := range out {
			out[i].names = append(out[i].names, name)
		}
	}
	return out, nil
}

func slashTargets(args []string, find func(word string) (*kind, error)) ([]target, error) {
	var out []target
	for _, arg := range args {
		word, name, ok := strings.Cut(arg, "/")
		if !ok || name == "" || strings.Contains(name, "/") {
			return nil, usagef("%q: must be TYPE/NAME, as in job/hello", arg)
		}
		k, err := find(word)
		if err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].kind == k {
			out[n-1].names = append(out[n-1].names, name)
		} else {
			out = append(out, target{k, []string{name}})
		}
	}
	return out, nil
}

// jobName reads NAME or job/NAME.
func jobName(arg string) (string, error) {
	word, name, ok := strings.Cut(arg, "/")
	if !ok {
		return arg, nil
	}
	if k, err := kindNamed(word); err != nil || k != jobKind {
		return "", usagef("%q: must be a Job, as in hello or job/hello", arg)
	}
	return name, nil
}

// slash makes TYPE/NAME of a bare name.
func slash(k *kind, arg string) string {
	if strings.Contains(arg, "/") {
		return arg
	}
	return k.singular + "/" + arg
}

// namesOf are the names of a target: its own, else those of the objects that the selectors find.
func (c *cli) namesOf(ctx context.Context, ns string, t target, sel selectors) ([]string, error) {
	if len(t.names) > 0 {
		return t.names, nil
	}
	var list metav1.PartialObjectMetadataList
	if err := c.api.into(ctx, c.api.list(ns, t.kind, sel), &list); err != nil {
		return nil, err
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names, nil
}

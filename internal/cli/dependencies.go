package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "horae/api/v1"
)

// batch is what one command applies, as far as dependencies between Jobs go.
type batch struct {
	docs []document
	// jobs are the indexes of the Jobs in docs, by namespace and name; of a Job that is there twice, of the last.
	jobs map[string]int
	// keys are those of jobs, by index.
	keys []string
	// parents are what each Job depends on: those of the batch, and those that exist on the server.
	parents map[string][]string
}

// inOrder checks the documents as a whole for Jobs that would depend on each other in a circle, and returns them in an
// order in which parents come before their children. Written in that order, there is no circle at any time between: a
// Job that is written depends on written ones only, and what is not written yet has no circle among itself.
func (c *cli) inOrder(ctx context.Context, docs []document) ([]document, error) {
	b := &batch{docs: docs, keys: make([]string, len(docs)), jobs: map[string]int{}, parents: map[string][]string{}}
	namespaces := map[string]bool{}
	for i, d := range docs {
		if d.kind != jobKind {
			continue
		}
		ns, err := c.namespaceOf(d)
		if err != nil {
			continue // It is reported when the document is applied.
		}
		key := ns + "/" + d.obj.GetName()
		if at, twice := b.jobs[key]; twice {
			b.keys[at] = ""
		}
		b.keys[i], b.jobs[key], b.parents[key] = key, i, parentsOf(d.obj, ns)
		if len(b.parents[key]) > 0 {
			namespaces[ns] = true
		}
	}
	for ns := range namespaces {
		if err := c.addPresent(ctx, b, ns); err != nil {
			return nil, err
		}
	}
	if cycle := b.cycle(); cycle != nil {
		return nil, fmt.Errorf("these Jobs would depend on each other in a circle, so nothing is applied: %s", strings.Join(cycle, " -> "))
	}
	return b.order(), nil
}

// parentsOf reads spec.dependsOn, as far as it can be read: the server reports what is wrong with it.
func parentsOf(o *unstructured.Unstructured, ns string) []string {
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "dependsOn")
	var parents []string
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok {
			if name, ok := fields["job"].(string); ok {
				parents = append(parents, ns+"/"+name)
			}
		}
	}
	return parents
}

// addPresent adds what the Jobs on the server depend on, unless the batch changes them.
func (c *cli) addPresent(ctx context.Context, b *batch, ns string) error {
	var present v1.Graph
	if err := c.api.into(ctx, c.api.graph(ns), &present); err != nil {
		var status apierrors.APIStatus
		if errors.As(err, &status) {
			return nil // Who may not read it can still write: the server checks each Job.
		}
		return err
	}
	for _, e := range present.Edges {
		to := e.Namespace + "/" + e.To
		if _, changes := b.jobs[to]; !changes {
			b.parents[to] = append(b.parents[to], e.Namespace+"/"+e.From)
		}
	}
	return nil
}

// cycle returns one that the batch is part of: each Job before the one that depends on it. Nil if there is none.
func (b *batch) cycle() []string {
	const open, done = 1, 2
	state := map[string]int{}
	var path, found []string
	var visit func(job string)
	visit = func(job string) {
		state[job] = open
		path = append(path, job)
		for _, parent := range b.parents[job] {
			if found != nil {
				return
			}
			switch state[parent] {
			case open:
				cycle := slices.Clone(path[slices.Index(path, parent):])
				if slices.ContainsFunc(cycle, func(j string) bool { _, ours := b.jobs[j]; return ours }) {
					found = append(cycle, parent)
					slices.Reverse(found)
					return
				}
			case 0:
				visit(parent)
			}
		}
		path = path[:len(path)-1]
		state[job] = done
	}
	for i := range b.docs {
		if job := b.keys[i]; job != "" && state[job] == 0 && found == nil {
			visit(job)
		}
	}
	for i, job := range found {
		_, found[i], _ = strings.Cut(job, "/")
	}
	return found
}

// order is that of the documents, but each Job after those that it depends on.
func (b *batch) order() []document {
	out := make([]document, 0, len(b.docs))
	done := make([]bool, len(b.docs))
	var add func(i int, key string)
	add = func(i int, key string) {
		if done[i] {
			return
		}
		done[i] = true
		if key != "" {
			for _, parent := range b.parents[key] {
				if at, ok := b.jobs[parent]; ok {
					add(at, parent)
				}
			}
		}
		out = append(out, b.docs[i])
	}
	for i := range b.docs {
		add(i, b.keys[i])
	}
	return out
}

package server

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
	"horae/internal/store"
)

// Bounds of a Graph: about two megabytes.
const (
	maxGraphJobs  = 10_000
	maxGraphEdges = 20_000
)

// graph answers which Jobs of a namespace, or of all, follow which.
func (s *Server) graph(w http.ResponseWriter, r *request) error {
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	g := newGraph()
	err := s.compute(r.Context(), r.client, func() error {
		entries, _ := s.cfg.Cache.ListKinds([]store.Kind{store.Jobs}, r.namespace)
		for _, e := range entries {
			if job := store.As[v1.Job](e); job != nil && !job.Rev.Deleted() && len(job.Object.Spec.DependsOn) > 0 {
				g.follow(s, job)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.write(w, r)
}

// jobGraph answers what one Job follows, and what follows it, near and far.
func (s *Server) jobGraph(w http.ResponseWriter, r *request) error {
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	job := s.job(r.namespace, r.name)
	if job == nil {
		return r.kind.notFound(r.name)
	}
	g := newGraph()
	err := s.compute(r.Context(), r.client, func() error {
		g.job(s, r.namespace, r.name)
		for list, i := []*store.Job{job}, 0; i < len(list) && !g.full(); i++ { // what it follows
			g.follow(s, list[i])
			for _, d := range list[i].Object.Spec.DependsOn {
				if parent := s.job(r.namespace, d.Job); parent != nil && g.visit(parent.Key, "up") {
					list = append(list, parent)
				}
			}
		}
		for list, i := []*store.Job{job}, 0; i < len(list) && !g.full(); i++ { // what follows it
			for _, child := range s.cfg.Cache.Dependents(r.namespace, list[i].Key.Name) {
				g.edges(s, child, list[i].Key.Name)
				if g.visit(child.Key, "down") {
					list = append(list, child)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return g.write(w, r)
}

// job returns a Job that is there; nil if there is none.
func (s *Server) job(namespace, name string) *store.Job {
	e := present(s.cfg.Cache.Get(store.JobKey(namespace, name)))
	if e == nil {
		return nil
	}
	return store.As[v1.Job](e)
}

// graphBuilder collects a Graph.
type graphBuilder struct {
	out     v1.Graph
	jobs    map[store.Key]int // where in out.Jobs a Job is
	known   map[v1.GraphEdge]bool
	visited map[string]bool
}

func newGraph() *graphBuilder {
	return &graphBuilder{
		out: v1.Graph{
			TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: "Graph"}, Jobs: []v1.GraphJob{}, Edges: []v1.GraphEdge{},
		},
		jobs: map[store.Key]int{}, known: map[v1.GraphEdge]bool{}, visited: map[string]bool{},
	}
}

// full reports whether nothing more is taken.
func (g *graphBuilder) full() bool { return g.out.Truncated }

// visit reports whether a Job is seen for the first time on the way up or down.
func (g *graphBuilder) visit(key store.Key, way string) bool {
	id := way + " " + key.Name
	first := !g.visited[id]
	g.visited[id] = true
	return first
}

// follow takes a Job with the edges from all that it depends on.
func (g *graphBuilder) follow(s *Server, job *store.Job) { g.edges(s, job, "") }

// edges takes a Job with the edge from one that it depends on; from all for "".
func (g *graphBuilder) edges(s *Server, job *store.Job, only string) {
	for _, d := range job.Object.Spec.DependsOn {
		if only != "" && d.Job != only {
			continue
		}
		edge := v1.GraphEdge{Namespace: job.Key.Namespace, From: d.Job, To: job.Key.Name, On: cmp.Or(d.On, v1.OnSucceeded)}
		if g.known[edge] {
			continue
		}
		if len(g.out.Edges) >= maxGraphEdges || !g.job(s, edge.Namespace, edge.From) || !g.job(s, edge.Namespace, edge.To) {
			g.out.Truncated = true
			return
		}
		g.known[edge] = true
		for _, p := range job.Object.Status.Parents {
			if p.Job == d.Job {
				edge.Banked = int64(len(p.Banked)) + p.Omitted
			}
		}
		g.out.Edges = append(g.out.Edges, edge)
	}
}

// job takes a Job, which need not exist. It returns false if there is no room.
func (g *graphBuilder) job(s *Server, namespace, name string) bool {
	key := store.JobKey(namespace, name)
	if _, ok := g.jobs[key]; ok {
		return true
	}
	if len(g.out.Jobs) >= maxGraphJobs {
		g.out.Truncated = true
		return false
	}
	g.jobs[key] = len(g.out.Jobs)
	node := v1.GraphJob{Namespace: namespace, Name: name, State: v1.GraphMissing}
	if job := s.job(namespace, name); job != nil {
		spec := &job.Object.Spec
		node.State, node.Active = graphState(job), job.Object.Status.ActiveCount
		node.Schedule, node.Policy = spec.Schedule, spec.DependencyPolicy
	}
	g.out.Jobs = append(g.out.Jobs, node)
	return true
}

func graphState(job *store.Job) v1.GraphState {
	status := &job.Object.Status
	reason := func(kind string) string {
		if c := condition.Find(status.Conditions, kind); c != nil {
			return c.Reason
		}
		return ""
	}
	switch {
	case job.Err != nil || reason(v1.JobAccepted) == v1.ReasonInvalid:
		return v1.GraphNotAccepted
	case reason(v1.JobParentsFound) == v1.ReasonCycle:
		return v1.GraphCycle
	case job.Object.Spec.Suspend || reason(v1.JobScheduled) == v1.ReasonTooManyFailures:
		return v1.GraphSuspended
	case status.ActiveCount > 0:
		return v1.GraphRunning
	}
	switch reason(v1.JobHealthy) {
	case v1.ReasonLastRunFailed:
		return v1.GraphFailed
	case v1.ReasonLastRunSucceeded:
		return v1.GraphSucceeded
	}
	return v1.GraphIdle
}

// write sends the Graph, in an order that is always the same: a Job after those that it depends on, as far as there is
// no cycle.
func (g *graphBuilder) write(w http.ResponseWriter, r *request) error {
	slices.SortFunc(g.out.Edges, func(a, b v1.GraphEdge) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	depth := g.depths()
	slices.SortFunc(g.out.Jobs, func(a, b v1.GraphJob) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(depth[store.JobKey(a.Namespace, a.Name)], depth[store.JobKey(b.Namespace, b.Name)]), cmp.Compare(a.Name, b.Name))
	})
	r.form.as = ""
	return r.form.write(w, http.StatusOK, g.out)
}

// depths are the lengths of the longest ways to each Job. Those in a cycle, and below one, come last.
func (g *graphBuilder) depths() map[store.Key]int {
	children, waits := map[store.Key][]store.Key{}, map[store.Key]int{}
	for _, e := range g.out.Edges {
		from, to := store.JobKey(e.Namespace, e.From), store.JobKey(e.Namespace, e.To)
		children[from] = append(children[from], to)
		waits[to]++
	}
	depth := make(map[store.Key]int, len(g.jobs))
	var ready []store.Key
	for key := range maps.Keys(g.jobs) {
		depth[key] = len(g.jobs)
		if waits[key] == 0 {
			depth[key] = 0
			ready = append(ready, key)
		}
	}
	longest := map[store.Key]int{}
	for ; len(ready) > 0; ready = ready[1:] {
		for _, child := range children[ready[0]] {
			longest[child] = max(longest[child], depth[ready[0]]+1)
			if waits[child]--; waits[child] == 0 {
				depth[child] = longest[child]
				ready = append(ready, child)
			}
		}
	}
	return depth
}

package cli

import (
	"fmt"
	"strings"

	v1 "horae/api/v1"
)

// colours of states.
var graphColours = map[v1.GraphState]string{
	v1.GraphMissing: "#ffffff", v1.GraphNotAccepted: "#f4a6a6", v1.GraphCycle: "#f4a6a6", v1.GraphSuspended: "#dddddd",
	v1.GraphRunning: "#a6c8f4", v1.GraphFailed: "#f4a6a6", v1.GraphSucceeded: "#a6e0a6", v1.GraphIdle: "#f5f5f5",
}

// graphIDs gives each Job an identifier that every language takes.
func graphIDs(g *v1.Graph) map[string]string {
	ids := make(map[string]string, len(g.Jobs))
	for i, j := range g.Jobs {
		ids[j.Namespace+"/"+j.Name] = fmt.Sprintf("j%d", i)
	}
	return ids
}

// edgeLabel is empty for the usual edge.
func edgeLabel(e v1.GraphEdge) string {
	var parts []string
	if e.On != v1.OnSucceeded {
		parts = append(parts, string(e.On))
	}
	if e.Banked > 0 {
		parts = append(parts, fmt.Sprintf("%d banked", e.Banked))
	}
	return strings.Join(parts, ", ")
}

// drawDOT draws for Graphviz.
func drawDOT(g *v1.Graph) string {
	var out strings.Builder
	out.WriteString("digraph horae {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\"];\n")
	ids := graphIDs(g)
	for _, j := range g.Jobs {
		fmt.Fprintf(&out, "  %s [label=%s, fillcolor=%q];\n", ids[j.Namespace+"/"+j.Name],
			strings.TrimSuffix(dotText(j.Name), `"`)+`\n`+string(j.State)+`"`, graphColours[j.State])
	}
	for _, e := range g.Edges {
		fmt.Fprintf(&out, "  %s -> %s", ids[e.Namespace+"/"+e.From], ids[e.Namespace+"/"+e.To])
		if label := edgeLabel(e); label != "" {
			fmt.Fprintf(&out, " [label=%s]", dotText(label))
		}
		out.WriteString(";\n")
	}
	out.WriteString("}\n")
	return out.String()
}

// dotText is a string of DOT. A document that etcdctl wrote may name anything.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

// drawMermaid draws for Mermaid, as many pages show it.
func drawMermaid(g *v1.Graph) string {
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	ids := graphIDs(g)
	states := map[v1.GraphState]bool{}
	for _, j := range g.Jobs {
		states[j.State] = true
		fmt.Fprintf(&out, "  %s[\"%s<br/>%s\"]:::%s\n",
			ids[j.Namespace+"/"+j.Name], mermaidText(j.Name), j.State, strings.ToLower(string(j.State)))
	}
	for _, e := range g.Edges {
		arrow := "-->"
		if label := edgeLabel(e); label != "" {
			arrow = "-->|\"" + mermaidText(label) + "\"|"
		}
		fmt.Fprintf(&out, "  %s %s %s\n", ids[e.Namespace+"/"+e.From], arrow, ids[e.Namespace+"/"+e.To])
	}
	for _, state := range []v1.GraphState{
		v1.GraphMissing, v1.GraphNotAccepted, v1.GraphCycle, v1.GraphSuspended,
		v1.GraphRunning, v1.GraphFailed, v1.GraphSucceeded, v1.GraphIdle,
	} {
		if states[state] {
			fmt.Fprintf(&out, "  classDef %s fill:%s,color:#000\n", strings.ToLower(string(state)), graphColours[state])
		}
	}
	return out.String()
}

func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "horae/api/v1"
)

// graphed is the state of one `horae graph`.
type graphed struct {
	*cli
	output string
}

// drawings of a graph by their names after -o.
var drawings = map[string]func(*v1.Graph) string{"text": drawText, "dot": drawDOT, "mermaid": drawMermaid}

func (c *cli) graphCommand() *cobra.Command {
	g := &graphed{cli: c}
	cmd := &cobra.Command{
		Use: "graph [JOB]", Short: "Show which Jobs follow which, and how they are", Args: cobra.MaximumNArgs(1),
		Long: `Show which Jobs follow which, and how they are: of a namespace, or what a Job follows
and what follows it, near and far. Jobs that neither follow another nor are followed
are left out.`,
		Example: example(`
horae graph
horae graph load
horae graph -o dot | dot -Tsvg > graph.svg
horae graph -o mermaid`),
		ValidArgsFunction: c.completeNames(jobKind),
		RunE:              func(cmd *cobra.Command, args []string) error { return g.run(cmd.Context(), args) },
	}
	cmd.Flags().StringVarP(&g.output, "output", "o", "text", "text, dot (Graphviz), mermaid, json or yaml")
	c.allFlag(cmd)
	return cmd
}

func (g *graphed) run(ctx context.Context, args []string) error {
	draw := drawings[g.output]
	if draw == nil && g.output != "json" && g.output != "yaml" {
		return usagef("-o %s: there are text, dot, mermaid, json and yaml", g.output)
	}
	ns, err := g.namespaceOrAll()
	if err != nil {
		return err
	}
	if len(args) > 0 && g.allNamespaces {
		return usagef("a name is of one namespace: give -n instead of -A")
	}
	api, err := g.connect()
	if err != nil {
		return err
	}
	req := api.graph(ns)
	if len(args) > 0 {
		name, err := jobName(args[0])
		if err != nil {
			return err
		}
		req = api.get(ns, jobKind, name).segment("graph")
	}
	var answer v1.Graph
	if err := api.into(ctx, req, &answer); err != nil {
		return err
	}
	if answer.Truncated {
		fmt.Fprintln(g.Err, "Warning: there is more than is shown: name a Job, or a namespace")
	}
	if draw == nil {
		return g.printValue(g.output, answer)
	}
	if g.output == "text" && len(answer.Jobs) == 0 {
		g.printf("No Job follows another one.\n")
		return nil
	}
	g.printf("%s", draw(&answer))
	return nil
}

// graph is of all namespaces for "".
func (cl *client) graph(ns string) *request {
	of := *jobKind
	of.plural = "graph"
	return cl.request(http.MethodGet, ns, &of)
}

// drawText has a line for each Job, after the Jobs that it follows.
func drawText(g *v1.Graph) string {
	after := map[string][]string{}
	for _, e := range g.Edges {
		var notes []string
		if e.On != v1.OnSucceeded {
			notes = append(notes, string(e.On))
		}
		if e.Banked > 0 {
			notes = append(notes, fmt.Sprintf("%d banked", e.Banked))
		}
		text := e.From
		if len(notes) > 0 {
			text += " (" + strings.Join(notes, ", ") + ")"
		}
		to := e.Namespace + "/" + e.To
		after[to] = append(after[to], text)
	}
	several := slices.ContainsFunc(g.Jobs, func(j v1.GraphJob) bool { return j.Namespace != g.Jobs[0].Namespace })
	rows := [][]string{{"JOB", "STATE", "POLICY", "AFTER"}}
	for _, j := range g.Jobs {
		list := after[j.Namespace+"/"+j.Name]
		policy, from := "", strings.Join(list, ", ")
		if len(list) > 1 {
			policy = string(j.Policy)
		}
		if len(list) == 0 && j.Schedule != "" {
			from = "schedule " + strings.Join(strings.Fields(strings.ReplaceAll(j.Schedule, "\n", "; ")), " ")
		}
		name := j.Name
		if several {
			name = j.Namespace + "/" + name
		}
		rows = append(rows, []string{name, string(j.State), cmp.Or(policy, "-"), cmp.Or(from, "-")})
	}
	return columnsOf(rows)
}

// columnsOf aligns rows.
func columnsOf(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
			width[i] = max(width[i], len(row[i]))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			fmt.Fprintf(&line, "%-*s   ", width[i], text)
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.String()
}

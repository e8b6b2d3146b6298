package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "horae/api/v1"
)

// systemStatus is what `horae status -o` prints.
type systemStatus struct {
	Server  string  `json:"server"`
	Version string  `json:"version"`
	Ready   bool    `json:"ready"`
	Checks  []check `json:"checks"`
	// Waiting counts the Runs of all namespaces that wait for their next attempt, by the reason why.
	Waiting map[string]int `json:"waiting"`
	Active  int            `json:"active"`
	// Ignored are the keys in etcd that are no object's, and why.
	Ignored []string `json:"ignored,omitempty"`
}

// check is one of the manager's checks of itself.
type check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Message says why it failed, or more about what passed.
	Message string `json:"message,omitempty"`
}

func (c *cli) statusCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Show whether the system works, and what waits", Args: noArgs,
		Long: `Show what the manager's checks say (its etcd, whether somebody leads, whether the leader is
subscribed to Mesos), the keys in etcd that nobody reads, and why Runs wait. The exit
code is 1 when a check fails.`,
		Example: example(`
horae status
horae status -o json`),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.status(cmd.Context(), output) },
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml")
	return cmd
}

func (c *cli) status(ctx context.Context, output string) error {
	if output != "" && output != "json" && output != "yaml" {
		return usagef("-o %s: there are json and yaml", output)
	}
	if _, err := c.connect(); err != nil {
		return err
	}
	s, err := c.readStatus(ctx)
	if err != nil {
		return err
	}
	if output != "" {
		err = c.printValue(output, s)
	} else {
		c.printStatus(s)
	}
	if err == nil && !s.Ready {
		err = errReported
	}
	return err
}

func (c *cli) readStatus(ctx context.Context) (*systemStatus, error) {
	s := &systemStatus{Server: c.api.server, Waiting: map[string]int{}}
	var v struct{ GitVersion string }
	if err := c.api.into(ctx, c.api.path("version"), &v); err != nil {
		return nil, err
	}
	s.Version = v.GitVersion
	if err := c.readChecks(ctx, s); err != nil {
		return nil, err
	}
	for _, phase := range []v1.RunPhase{v1.RunPending, v1.RunLaunching, v1.RunRunning} {
		var runs struct{ Items []v1.Run }
		err := c.api.into(ctx, c.api.list("", runKind, selectors{fields: "status.phase=" + string(phase)}), &runs)
		if apierrors.IsForbidden(err) {
			fmt.Fprintln(c.Err, "Warning: the Runs are not counted: you may not list those of all namespaces")
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range runs.Items {
			if phase == v1.RunPending {
				s.Waiting[cmp.Or(runs.Items[i].Status.Reason, "Pending")]++
			} else {
				s.Active++
			}
		}
	}
	return s, nil
}

// readChecks asks /readyz, whose answer has a line for each check: [+]etcd ok, or [-]mesos failed: why. Lines with [!] are about
// keys in etcd.
func (c *cli) readChecks(ctx context.Context, s *systemStatus) error {
	req := c.api.path("readyz").param("verbose", "true").accept("text/plain")
	resp, err := req.sendAny(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return statusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return c.api.brokenOff(ctx, err)
	}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "[+]"); ok {
			name, message, _ := strings.Cut(rest, " ")
			s.Checks = append(s.Checks, check{name, true, strings.TrimPrefix(strings.TrimPrefix(message, "ok"), ": ")})
		} else if rest, ok := strings.CutPrefix(line, "[-]"); ok {
			name, message, _ := strings.Cut(rest, " failed: ")
			s.Checks = append(s.Checks, check{name, false, message})
		} else if rest, ok := strings.CutPrefix(line, "[!]"); ok {
			s.Ignored = append(s.Ignored, rest)
		}
	}
	if len(s.Checks) == 0 {
		return fmt.Errorf("%s does not answer /readyz as a manager does", c.api.server)
	}
	s.Ready = resp.StatusCode == http.StatusOK
	return nil
}

func (c *cli) printStatus(s *systemStatus) {
	var out strings.Builder
	p := newPage(&out)
	p.field("Manager", s.Server+", version "+s.Version)
	for _, ch := range s.Checks {
		text := cmp.Or(ch.Message, "ok")
		if !ch.Passed {
			text = "failed: " + ch.Message
		}
		p.field(strings.ToUpper(ch.Name[:1])+ch.Name[1:], text)
	}
	p.field("Active Runs", fmt.Sprint(s.Active))
	var why []string
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(s.Waiting)) {
		total += s.Waiting[reason]
		why = append(why, fmt.Sprintf("%d %s", s.Waiting[reason], reason))
	}
	text := fmt.Sprint(total)
	if total > 0 {
		text += ": " + strings.Join(why, ", ")
	}
	p.field("Waiting Runs", text)
	p.field("In etcd", strings.Join(s.Ignored, "\n"))
	c.printf("%s", p)
}

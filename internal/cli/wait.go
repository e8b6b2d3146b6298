package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"
)

// waiting is the state of one `horae wait`.
type waiting struct {
	*cli
	expression string
	timeout    time.Duration
	all        bool
	sel        selectors
	goal
}

// goal is what --for asks for. met gets nil while the object does not exist.
type goal struct {
	met func(*unstructured.Unstructured) (bool, error)
	// absent: an object that does not exist is a state to wait in, or the end; otherwise it is an error.
	absent bool
}

func (c *cli) waitCommand() *cobra.Command {
	w := &waiting{cli: c}
	cmd := &cobra.Command{
		Use: "wait TYPE NAME... | TYPE/NAME... --for=WHAT", Short: "Wait until objects are as wanted",
		Long: `Wait until every one of the objects is as wanted. --for takes what kubectl's takes:

  condition=NAME         the condition is True; condition=NAME=False: it is False
  jsonpath={.PATH}=VALUE the field has the value; without =VALUE: it has any
  create, delete         the object exists; it is gone

The command goes on when its manager restarts.`,
		Example: example(`
horae wait job/hello --for=condition=Accepted
horae wait run/hello-20261122t020000z --for=jsonpath='{.status.phase}'=Succeeded --timeout=10m
horae wait runs -l horae/job=hello --for=delete`),
		ValidArgsFunction: c.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return w.run(cmd.Context(), args) },
	}
	f := cmd.Flags()
	f.StringVar(&w.expression, "for", "", "what to wait for: condition=NAME[=VALUE], jsonpath={.PATH}[=VALUE], create, delete")
	f.DurationVar(&w.timeout, "timeout", 30*time.Second, "give up after this time; 0: look once; negative: a week")
	f.BoolVar(&w.all, "all", false, "all objects of the type in the namespace")
	w.sel.add(cmd)
	return cmd
}

func (w *waiting) run(ctx context.Context, args []string) error {
	var err error
	if w.goal, err = parseGoal(w.expression); err != nil {
		return err
	}
	list, err := targets(args)
	if err != nil {
		return err
	}
	ns, err := w.ns()
	if err != nil {
		return err
	}
	if _, err := w.connect(); err != nil {
		return err
	}
	timeout := w.timeout
	if timeout < 0 {
		timeout = 7 * 24 * time.Hour
	}
	within, cancel := context.WithTimeout(ctx, max(timeout, time.Nanosecond))
	defer cancel()
	selected := w.all || w.sel != (selectors{})
	seen := 0
	for _, t := range list {
		if (len(t.names) > 0) == selected {
			return usagef("which %s must be given: either names, or -l LABELS or --all", t.kind.plural)
		}
		if t.names, err = w.namesOf(ctx, ns, t, w.sel); err != nil {
			return err
		}
		for _, name := range t.names {
			seen++
			err := w.one(ctx, within, ns, t.kind, name)
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				return fmt.Errorf("timed out after %s: %s/%s is not as wanted (%s)", w.timeout, t.kind, name, w.expression)
			}
			if err != nil {
				return err
			}
			w.printf("%s/%s condition met\n", t.kind, name)
		}
	}
	if seen == 0 && !w.absent {
		return errors.New("no matching resources found")
	}
	return nil
}

// one waits for one object. It looks once, whatever the time, and then watches within the time that is left.
func (w *waiting) one(ctx, within context.Context, ns string, k *kind, name string) error {
	again := &reconnection{cli: w.cli, subject: fmt.Sprintf("%s/%s", k, name)}
	for {
		met, revision, err := w.look(ctx, ns, k, name)
		if err == nil {
			again.answer()
			if met {
				return nil
			}
			ctx = within
			err = w.watch(within, ns, k, name, revision, again.answer)
		}
		switch {
		case err == nil:
			return nil
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			continue // too much has happened since: look again
		case within.Err() != nil:
			return within.Err()
		}
		if err := again.again(within, err); err != nil {
			return err
		}
	}
}

// look reads the object, and returns the revision from which to watch.
func (w *waiting) look(ctx context.Context, ns string, k *kind, name string) (bool, string, error) {
	u := &unstructured.UnstructuredList{}
	body, err := w.api.do(ctx, w.api.list(ns, k, selectors{fields: "metadata.name=" + name}))
	if err != nil {
		return false, "", err
	}
	if err := u.UnmarshalJSON(body); err != nil {
		return false, "", fmt.Errorf("decode the answer of %s: %w", w.api.server, err)
	}
	var o *unstructured.Unstructured
	if len(u.Items) > 0 {
		o = &u.Items[0]
	} else if !w.absent {
		_, err := w.api.object(ctx, w.api.get(ns, k, name)) // the error that a get has
		return false, "", err
	}
	met, err := w.met(o)
	return met, u.GetResourceVersion(), err
}

// watch returns nil when the object has come to be as wanted.
func (w *waiting) watch(ctx context.Context, ns string, k *kind, name, revision string, answered func()) error {
	req := w.api.list(ns, k, selectors{fields: "metadata.name=" + name})
	return w.api.watch(ctx, req, revision, answered, func(e metav1.WatchEvent) (bool, error) {
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(e.Object.Raw, &o.Object); err != nil {
			return false, fmt.Errorf("decode a watch event: %w", err)
		}
		if e.Type == "DELETED" {
			if o = nil; !w.absent {
				return false, fmt.Errorf("%s/%s was deleted", k, name)
			}
		}
		met, err := w.met(o)
		return !met, err
	})
}

// parseGoal reads --for.
func parseGoal(expression string) (goal, error) {
	what, rest, _ := strings.Cut(expression, "=")
	switch what {
	case "":
		return goal{}, usagef("what to wait for must be given: --for=condition=NAME, jsonpath={.PATH}=VALUE, create or delete")
	case "delete":
		return goal{func(u *unstructured.Unstructured) (bool, error) { return u == nil, nil }, true}, nil
	case "create":
		return goal{func(u *unstructured.Unstructured) (bool, error) { return u != nil, nil }, true}, nil
	case "condition":
		name, value, ok := strings.Cut(rest, "=")
		if name == "" {
			return goal{}, usagef("--for=%s: the name of a condition must follow, as in condition=Accepted", expression)
		}
		if !ok {
			value = string(metav1.ConditionTrue)
		}
		return goal{met: func(u *unstructured.Unstructured) (bool, error) { return hasCondition(u, name, value), nil }}, nil
	case "jsonpath":
		return parsePathGoal(expression, rest)
	}
	return goal{}, usagef("--for=%s: there are condition=NAME, jsonpath={.PATH}=VALUE, create and delete", expression)
}

// hasCondition compares without regard to case, as kubectl does.
func hasCondition(u *unstructured.Unstructured, name, value string) bool {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		m, ok := c.(map[string]any)
		if ok && strings.EqualFold(fmt.Sprint(m["type"]), name) && strings.EqualFold(fmt.Sprint(m["status"]), value) {
			return true
		}
	}
	return false
}

func parsePathGoal(expression, rest string) (goal, error) {
	end := strings.LastIndex(rest, "}")
	if end < 0 || !strings.HasPrefix(rest, "{") || end+1 < len(rest) && rest[end+1] != '=' {
		return goal{}, usagef("--for=%s: must be jsonpath={.PATH}=VALUE, as in jsonpath={.status.phase}=Succeeded", expression)
	}
	path := jsonpath.New("for").AllowMissingKeys(true)
	if err := path.Parse(rest[:end+1]); err != nil {
		return goal{}, usagef("--for=%s: %w", expression, err)
	}
	value, any := strings.TrimPrefix(rest[end+1:], "="), end+1 == len(rest)
	return goal{met: func(u *unstructured.Unstructured) (bool, error) {
		found, err := path.FindResults(u.Object)
		if err != nil || len(found) == 0 || len(found[0]) == 0 {
			return false, err
		}
		if len(found[0]) > 1 {
			return false, usagef("--for=%s: the path names more than one value", expression)
		}
		return any || fmt.Sprint(found[0][0].Interface()) == value, nil
	}}, nil
}

package cli

import (
	"fmt"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/messages"
)

func describeRun(out *strings.Builder, r *v1.Run, now time.Time) string {
	p := newPage(out)
	p.meta(&r.ObjectMeta, now)
	p.field("Job", r.Spec.Job)
	p.field("Trigger", string(r.Spec.Reason))
	p.field("Scheduled", whenPtr(r.Spec.ScheduledTime, now))
	p.field("Start By", whenPtr(r.Spec.StartBy, now))
	p.field("Retry Of", r.Spec.RetryOf)
	if r.Spec.MarkSucceeded {
		p.field("Marked", "yes: it has no task")
	}
	p.field("Requested By", r.Spec.RequestedBy)
	p.field("Note", r.Spec.Note)
	p.field("Parents", strings.Join(r.Spec.Parents, "\n"))
	p.field("Args", strings.Join(quoted(r.Spec.Args), " "))
	p.field("Env", env(r.Spec.Env))
	p.field("Owner", r.Spec.Owner)
	p.runPolicy(&r.Spec.RunPolicy)
	if r.Spec.Cancel {
		p.field("Cancel", cancelText(r))
	}
	p.field("Phase", phaseOf(r))
	p.field("Reason", r.Status.Reason)
	p.field("Message", r.Status.Message)
	if n := r.Status.Progress; n != nil {
		p.field("Progress", fmt.Sprint(*n))
	}
	p.field("Started", whenPtr(r.Status.StartTime, now))
	p.field("Finished", whenPtr(r.Status.FinishTime, now))
	p.field("Duration", span(r.Status.StartTime, r.Status.FinishTime, now))
	if !r.Status.Phase.Terminal() {
		p.field("Next Attempt", whenPtr(r.Status.RetryTime, now))
	}
	p.task(&r.Spec.Task)
	p.story(r, now)
	p.attempts(r.Status.Attempts, now)
	p.logHint(r)
	return p.String()
}

func cancelText(r *v1.Run) string {
	if by := r.Annotations[v1.AnnotationCancelledBy]; by != "" {
		return "yes, by " + by
	}
	return "yes"
}

func (p *page) attempts(list []v1.Attempt, now time.Time) {
	var rows [][]string
	for i, a := range list {
		exit := ""
		if a.ExitCode != nil {
			exit = fmt.Sprint(*a.ExitCode)
		}
		rows = append(rows, []string{
			fmt.Sprint(i + 1), string(a.State), exit, a.Hostname, stamp(&a.LaunchTime), span(a.StartTime, a.FinishTime, now), a.Reason,
			firstLine(a.Message),
		})
	}
	p.table("Attempts", []string{"#", "STATE", "EXIT", "AGENT", "LAUNCHED", "DURATION", "REASON", "MESSAGE"}, rows)
	for i, a := range list {
		if a.TaskID != "" {
			p.field(fmt.Sprintf("Task %d", i+1), a.TaskID)
		}
		p.field(fmt.Sprintf("Sandbox %d", i+1), a.Sandbox)
		if a.TaskFinishTime != nil {
			p.field(fmt.Sprintf("Task Ended %d", i+1), whenPtr(a.TaskFinishTime, now))
		}
		if c := a.Callback; c != nil {
			p.field(fmt.Sprintf("Callback %d", i+1), messages.Join(string(c.Phase)+" at "+stamp(&c.Time), c.Message))
		}
		if strings.Contains(strings.TrimSpace(a.Message), "\n") {
			p.field(fmt.Sprintf("Message %d", i+1), a.Message)
		}
	}
}

// firstLine is what a table has room for; the whole message stands below it.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// logHint says how to see the output, once there may be some.
func (p *page) logHint(r *v1.Run) {
	if len(r.Status.Attempts) == 0 {
		return
	}
	hint := "horae logs " + r.Name
	if r.Namespace != v1.DefaultNamespace {
		hint += " -n " + r.Namespace
	}
	if !r.Status.Phase.Terminal() {
		hint += " -f"
	}
	p.field("Output", hint)
}

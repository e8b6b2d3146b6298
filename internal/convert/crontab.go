package convert

import (
	"fmt"
	"regexp"
	"strings"

	v1 "horae/api/v1"
)

var (
	assignment = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$`)
	crontabRow = regexp.MustCompile(`^(@[a-z]+|\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.+)$`)
)

// IsCrontab reports whether a text has a line of a crontab, and no line that is none.
func IsCrontab(text string) bool {
	rows := 0
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line[0] == '#' || assignment.MatchString(line):
		case crontabRow.MatchString(line) && strings.ContainsAny(line[:1], "@*0123456789"):
			rows++
		default:
			return false
		}
	}
	return rows > 0
}

// Crontab converts a crontab. The names of the Jobs begin with prefix. With users each line names the user who runs it, as in
// /etc/crontab.
func Crontab(text, prefix string, users bool) []*Result {
	var out []*Result
	var env []any
	zone, owner := "", ""
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if m := assignment.FindStringSubmatch(line); m != nil {
			value := strings.Trim(m[2], `"'`)
			switch m[1] {
			case "CRON_TZ", "TZ":
				zone = value
			case "MAILTO":
				owner = ""
				if strings.Contains(value, "@") {
					owner = value
				}
			case "SHELL":
				if value != "/bin/sh" {
					env = append(env, map[string]any{"name": "SHELL", "value": value})
				}
			default:
				env = append(env, map[string]any{"name": m[1], "value": value})
			}
			continue
		}
		out = append(out, crontabJob(line, crontabContext{prefix, number, users, zone, owner, env}))
	}
	return out
}

// crontabContext is what holds for a line.
type crontabContext struct {
	prefix      string
	line        int
	users       bool
	zone, owner string
	env         []any
}

func crontabJob(line string, c crontabContext) *Result {
	task := map[string]any{}
	spec := map[string]any{"task": task, "concurrencyPolicy": "Allow", "missedRuns": "None", "retries": map[string]any{"limit": 0}}
	var lost []string
	m := crontabRow.FindStringSubmatch(line)
	if m == nil {
		m = []string{line, line, ""}
	}
	schedule, command := m[1], m[2]
	if c.users {
		user, rest, _ := strings.Cut(command, " ")
		task["user"], command = user, strings.TrimSpace(rest)
	}
	if schedule == "@reboot" {
		lost = append(lost, fmt.Sprintf("line %d: @reboot: there is no schedule; the Job runs when it is triggered", c.line))
	} else {
		spec["schedule"] = schedule
	}
	if strings.Contains(strings.ReplaceAll(command, `\%`, ""), "%") {
		lost = append(lost, fmt.Sprintf("line %d: %%: what follows is the command's input to cron, and part of the command here", c.line))
	}
	task["shell"] = strings.ReplaceAll(command, `\%`, "%")
	if c.zone != "" {
		spec["timeZone"] = c.zone
	}
	if c.owner != "" {
		spec["owner"] = c.owner
	}
	if c.env != nil {
		task["env"] = c.env[:len(c.env):len(c.env)]
	}
	r := &Result{
		Job: map[string]any{
			"apiVersion": v1.GroupVersion.String(), "kind": v1.KindJob,
			"metadata": map[string]any{"name": crontabName(c, command)}, "spec": spec,
		},
		Lost: lost,
	}
	return r.checked()
}

// crontabName is unique in its crontab by the number of the line.
func crontabName(c crontabContext, command string) string {
	program, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	program = program[strings.LastIndex(program, "/")+1:]
	suffix := fmt.Sprintf("-%d", c.line)
	name := nameOf(c.prefix + " " + program)
	if most := v1.MaxJobNameLength - len(suffix); len(name) > most {
		name = strings.TrimRight(name[:most], "-")
	}
	return name + suffix
}

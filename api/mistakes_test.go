package api

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

func TestMistakesAreExplained(t *testing.T) {
	for _, tc := range []struct {
		name, input, want string
	}{
		{
			name:  "a shell line as command",
			input: head + "  task: {command: echo hi}\n",
			want:  "spec.task.command: must be a list; a shell command line goes into spec.task.shell",
		},
		{
			name:  "an argument list as shell",
			input: head + "  task: {shell: [echo, hi]}\n",
			want:  "spec.task.shell: must be text; shell is a command line; a program with its arguments goes into spec.task.command as a list",
		},
		{
			name:  "Chronos's shell flag",
			input: head + "  task: {shell: true}\n",
			want:  "spec.task.shell: must be text; shell is a command line; a program with its arguments goes into spec.task.command as a list",
		},
		{
			name: "Chronos's fields in spec, all in one error",
			input: head + `  name: x
  epsilon: PT30M
  parents: [a]
  disabled: true
  cpus: 1
  mem: 128
  disk: 256
  runAsUser: hdfs
  uris: ["http://x/y"]
  environmentVariables: []
  highPriority: true
  scheduleTimeZone: UTC
  concurrent: true
  arguments: []
  command: run.sh
  container: {}
  maxCompletionTime: 60
  dataProcessingJobType: true
  constraints: []
`,
			want: `spec.name: unknown field; use metadata.name
spec.epsilon: unknown field; use spec.startingDeadline
spec.parents: unknown field; use spec.dependsOn (a list of {job: NAME})
spec.disabled: unknown field; use spec.suspend
spec.cpus: unknown field; use spec.task.resources.cpus
spec.mem: unknown field; use spec.task.resources.memory (as 128Mi)
spec.disk: unknown field; use spec.task.resources.disk (as 256Mi)
spec.runAsUser: unknown field; use spec.task.user
spec.uris: unknown field; use spec.task.fetch (a list of {uri: ADDRESS})
spec.environmentVariables: unknown field; use spec.task.env
spec.highPriority: unknown field; use spec.priority (1000 for Chronos's highPriority)
spec.scheduleTimeZone: unknown field; use spec.timeZone
spec.concurrent: unknown field; use spec.concurrencyPolicy (Allow | Forbid | Replace | Queue)
spec.arguments: unknown field; use spec.task.args
spec.command: unknown field; use spec.task.command (a list), or spec.task.shell for a shell command line
spec.container: unknown field; there is spec.task.container
spec.maxCompletionTime: unknown field; use spec.timeout (as 2h)
spec.dataProcessingJobType: unknown field; every Run may report its progress
spec.constraints: unknown field; there is spec.task.constraints`,
		},
		{
			name: "Kubernetes's fields",
			input: head + `  jobTemplate: {}
  startingDeadlineSeconds: 60
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 1
  backoffLimit: 6
  activeDeadlineSeconds: 100
  ttlSecondsAfterFinished: 100
  parallelism: 2
  task:
    restartPolicy: Never
    containers: []
    image: busybox
    nodeSelector: {}
    workingDir: /tmp
    resources: {requests: {}, cpu: 1}
    env: [{name: A, valueFrom: {}}]
`,
			want: `spec.jobTemplate: unknown field; use spec.task (there is no template around it)
spec.startingDeadlineSeconds: unknown field; use spec.startingDeadline (as 30m)
spec.successfulJobsHistoryLimit: unknown field; use spec.history.succeeded
spec.failedJobsHistoryLimit: unknown field; use spec.history.failed
spec.backoffLimit: unknown field; use spec.retries.limit
spec.activeDeadlineSeconds: unknown field; use spec.deadline (of the whole Run, as 6h) or spec.timeout (of one attempt)
spec.ttlSecondsAfterFinished: unknown field; use spec.history.ttl (as 720h)
spec.parallelism: unknown field; a Run is one Mesos task
spec.task.restartPolicy: unknown field; use spec.retries
spec.task.containers: unknown field; use spec.task.container (one; a Run is one Mesos task)
spec.task.image: unknown field; use spec.task.container.image
spec.task.nodeSelector: unknown field; use spec.task.constraints
spec.task.workingDir: unknown field; a task starts in its Mesos sandbox; use cd in spec.task.shell
spec.task.resources.requests: unknown field; use cpus, memory and disk directly
spec.task.resources.cpu: unknown field; use cpus
spec.task.env[0].valueFrom: unknown field; use secret: {name: ..., key: ...}`,
		},
		{
			name:  "values of the wrong type, where a habit explains them",
			input: head + "  retries: 3\n  timeout: 90\n  priority: true\n  concurrencyPolicy: true\n  schedule: [a, b]\n  dependsOn: [extract]\n  owner: [a@b.c]\n  task: {env: {A: b}, fetch: [http://x/y], constraints: [[rack, LIKE, a]], container: busybox}\n",
			want: `spec.retries: must be a mapping with fields such as limit, delay, factor, maxDelay; the number of extra attempts goes into spec.retries.limit
spec.timeout: must be a duration such as 90s, 1h30m or PT90S; 90 has no unit
spec.priority: must be a whole number; Chronos's highPriority is 1000
spec.concurrencyPolicy: must be text; Chronos's concurrent: true is Allow, false is Forbid
spec.schedule: must be text; several expressions stand in one text, one a line (schedule: |)
spec.dependsOn[0]: must be a mapping with fields such as job, on; write - {job: NAME}
spec.owner: must be text; several addresses stand in one text, separated by commas
spec.task.env: must be a list; write - {name: NAME, value: VALUE}, in order
spec.task.fetch[0]: must be a mapping with fields such as uri, extract, executable, cache; write - {uri: ADDRESS}
spec.task.constraints[0]: must be a mapping with fields such as attribute, operator, value; write - {attribute: rack, operator: Like, value: "rack-[1-3]"} for [rack, LIKE, "rack-[1-3]"]
spec.task.container: must be a mapping with fields such as type, image, forcePull, network; write container: {type: Docker, image: IMAGE}`,
		},
		{
			name: "what Chronos, Marathon and Kubernetes call the parts of a container and of a health check",
			input: head + `  task:
    env: [{name: A, secret: vault/path}]
    container:
      hostname: a
      networks: []
      entrypoint: [x]
      args: [y]
      volumeMounts: []
      volumes: [{containerPath: /a, readOnly: true, external: {driver: p, options: [{key: size, value: "5"}]}}]
    executor: {command: [x], uris: []}
    healthCheck: {command: [test, -f, x], protocol: HTTP, portIndex: 0, path: /, maxConsecutiveFailures: 3, gracePeriodSeconds: 5}
`,
			want: `spec.task.env[0].secret: must be a mapping with fields such as name, key; write secret: {name: NAME, key: KEY}
spec.task.container.hostname: unknown field; use spec.task.container.parameters (- {key: hostname, value: NAME})
spec.task.container.networks: unknown field; use spec.task.container.network (one)
spec.task.container.entrypoint: unknown field; use spec.task.command
spec.task.container.args: unknown field; use spec.task.args
spec.task.container.volumeMounts: unknown field; use spec.task.container.volumes
spec.task.container.volumes[0].readOnly: unknown field; use mode: RO
spec.task.container.volumes[0].external.driver: unknown field; use provider
spec.task.container.volumes[0].external.options: must be a mapping of names to values; write options: {KEY: VALUE} for Chronos's [{key: KEY, value: VALUE}]
spec.task.executor.command: must be text; write a shell command line
spec.task.executor.uris: unknown field; use fetch
spec.task.healthCheck.command: must be text; write a shell command line
spec.task.healthCheck.protocol: unknown field; use http: {port: ...}, tcp: {port: ...} or command
spec.task.healthCheck.portIndex: unknown field; use http: {portIndex: ...} or tcp: {portIndex: ...}
spec.task.healthCheck.path: unknown field; use http: {port: ..., path: ...}
spec.task.healthCheck.maxConsecutiveFailures: unknown field; use maxFailures
spec.task.healthCheck.gracePeriodSeconds: unknown field; use gracePeriod, as 10s`,
		},
		{
			name:  "values of the wrong type, plainly",
			input: head + "  suspend: yes\n  jitter: 5 min\n  deadline: P1M\n  queueTimeout: -1h\n  suspendAfterFailures: 1.5\n  history: {succeeded: 99999999999}\n  task: {env: [{name: A, value: 8080}], args: [1, true], resources: {cpus: lots, memory: []}, labels: {a: 1}}\n",
			want: `spec.suspend: must be true or false
spec.jitter: "5 min": must be a duration such as 90s, 1h30m or PT90S
spec.deadline: "P1M": years and months have no fixed length here; use days (P30D) or hours
spec.queueTimeout: "-1h": must not be negative
spec.suspendAfterFailures: must be a whole number
spec.history.succeeded: is out of range
spec.task.env[0].value: must be text: put it in quotes, "8080"
spec.task.args[0]: must be text: put it in quotes, "1"
spec.task.args[1]: must be text: put it in quotes, "true"
spec.task.resources.cpus: must be a quantity such as 2, 500m or 128Mi
spec.task.resources.memory: must be a quantity such as 2, 500m or 128Mi
spec.task.labels.a: must be text: put it in quotes, "1"`,
		},
		{
			name:  "typing errors and the wrong case",
			input: head + "  shedule: x\n  TimeZone: x\n  task: {Shell: x, resorces: {}}\n",
			want: `spec.shedule: unknown field; did you mean schedule?
spec.TimeZone: unknown field; did you mean timeZone?
spec.task.Shell: unknown field; did you mean shell?
spec.task.resorces: unknown field; did you mean resources?`,
		},
		{
			name:  "indentation gone wrong",
			input: "apiVersion: horae/v1\nkind: Job\nmetadata:\n  name: a\n  task: {shell: x}\nschedule: x\nlabels: {}\nname: b\n",
			want: `metadata.task: unknown field; there is spec.task
schedule: unknown field; use spec.schedule
labels: unknown field; there is metadata.labels
name: unknown field; use metadata.name`,
		},
		{
			name:  "an unknown field in a small object: the choices",
			input: head + "  history: {days: 3}\n",
			want:  "spec.history.days: unknown field; there are succeeded, failed, ttl",
		},
		{
			name:  "mappings that are none",
			input: "apiVersion: horae/v1\nkind: Job\nmetadata: hello\nspec: [1]\n",
			want: `metadata: must be a mapping with fields such as name, namespace, labels, annotations
spec: must be a mapping with fields such as description, owner, schedule, timeZone`,
		},
		{
			name:  "a key twice in YAML, with its lines",
			input: head + "  task:\n    shell: a\n    shell: b\n  task: {}\n",
			want:  "spec.task: is given twice, first in line 6 (line 9)\nspec.task.shell: is given twice, first in line 7 (line 8)",
		},
		{
			name:  "a key twice in JSON",
			input: `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a","labels":{"a":"b","a":"c"}},"spec":{"task":{"shell":"x"},"task":{"shell":"y"}}}`,
			want:  "metadata.labels.a: is given twice\nspec.task: is given twice",
		},
		{
			name:  "a Run has no schedule, so no hint leads to one",
			input: "apiVersion: horae/v1\nkind: Run\nspec: {cron: x, cpus: 1, job: a, reason: Manual, scheduledTime: yesterday}\n",
			want: `spec.cron: unknown field
spec.cpus: unknown field; use spec.task.resources.cpus
spec.scheduledTime: "yesterday": must be a time such as 2026-11-22T02:00:00Z`,
		},
		{
			name:  "a CronJob of Kubernetes",
			input: "apiVersion: batch/v1\nkind: CronJob\n",
			want: `apiVersion: "batch/v1" is not known; there is horae/v1, whose Job is what Kubernetes calls a CronJob
kind: "CronJob" is not known; there are Job, Run, Calendar and Backfill (a Job has a schedule here)`,
		},
		{name: "another kind", input: "apiVersion: horae/v1\nkind: Source\n", want: `kind: "Source" is not known; there are Job, Run, Calendar and Backfill`},
		{name: "another version", input: "apiVersion: horae/v2\nkind: Job\n", want: `apiVersion: "horae/v2" is not known; there is horae/v1`},
		{name: "no type", input: "metadata: {name: a}\n", want: "apiVersion: is required: horae/v1\nkind: is required: Job, Run, Calendar or Backfill"},
		{name: "a type that is no text", input: "apiVersion: 1\nkind: [Job]\n", want: "apiVersion: must be text\nkind: must be text"},
		{
			name:  "a job of Chronos",
			input: `{"name": "x", "schedule": "R/2014-03-08T20:00:00Z/PT2H", "command": "x"}`,
			want:  "this is a job of Chronos: write it as a Job, with its schedule in spec.schedule and its command in spec.task.shell",
		},
		{name: "a list at the top", input: "- a\n", want: "a document must be a mapping with apiVersion, kind, metadata and spec"},
		{name: "a JSON list at the top", input: "[" + smallJSON + "]", want: "a document must be a mapping with apiVersion, kind, metadata and spec"},
		{name: "plain text", input: "hello", want: "a document must be a mapping with apiVersion, kind, metadata and spec"},
		{
			name:  "the third of several documents",
			input: smallJob + "---\n---\n" + head + "  task: {shell: 1}\n",
			want:  "document 3 (line 11): spec.task.shell: must be text: put it in quotes, \"1\"",
		},
		{
			name:  "the second of several JSON documents",
			input: smallJSON + "\n" + strings.Replace(smallJSON, `"echo hello"`, "1", 1),
			want:  "document 2: spec.task.shell: must be text: put it in quotes, \"1\"",
		},
		{
			name:  "an item of a List",
			input: "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: horae/v1, kind: Job, spec: {task: {shell: 1}}}\n",
			want:  "items[0].spec.task.shell: must be text: put it in quotes, \"1\"",
		},
		{name: "a List without a list", input: "apiVersion: v1\nkind: List\nitems: 3\n", want: "items: must be a list of objects"},
		{name: "JSON that ends early", input: `{"apiVersion": "horae/v1",` + "\n" + ` "kind": "Job"`, want: "line 2, column 14: not JSON: unexpected end of JSON input"},
		{
			name:  "JSON with a comma too many",
			input: "{\"apiVersion\":\"horae/v1\",\n \"kind\":\"Job\",,}",
			want:  "line 2, column 15: not JSON: invalid character ',' looking for beginning of object key string",
		},
		{name: "YAML with two colons", input: "a: b: c\n", want: "line 1: not YAML: mapping values are not allowed in this context"},
		{
			name:  "YAML with a tab",
			input: "a:\n\tb: c\n",
			want:  "line 2: not YAML: found character that cannot start any token; indent with spaces, not tabs, and quote text that begins with @, ` or %",
		},
		{name: "YAML that contains itself", input: "a: &a [*a]\n", want: "a[0][0]: *a stands for something that it is part of (line 1)"},
		{name: "YAML that merges a number", input: "a: {<<: 3}\n", want: "a: << must merge a mapping or a list of mappings (line 1)"},
		{name: "YAML with a tag", input: head + "  task: {shell: !!binary aGk=}\n", want: "spec.task.shell: YAML's tag !!binary has no meaning here (line 6)"},
		{name: "YAML with a number that isn't one", input: head + "  task: {resources: {cpus: .inf}}\n", want: "spec.task.resources.cpus: .inf is not a number that can be used (line 6)"},
		{name: "YAML with a key that isn't text", input: "? [a]\n: b\n", want: "a key must be text (line 1)"},
		{name: "bytes that aren't text, in JSON", input: strings.Replace(smallJSON, "echo", "\xff", 1), want: "the document is not UTF-8 text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			objs, err := decodeAll([]byte(tc.input))
			if err == nil {
				t.Fatalf("accepted: %+v", objs)
			}
			if got := err.Error(); got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

func TestMistakesCanBeTakenApart(t *testing.T) {
	_, err := decodeAll([]byte(smallJob + "---\n" + head + "  suspend: 1\n  task: {command: x}\n"))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T", err)
	}
	if e.Document != 2 || e.Line != 10 || len(e.Fields) != 2 || e.Fields[1].Path != "spec.task.command" {
		t.Errorf("got %+v", e)
	}
}

// A few kilobytes of aliases can stand for terabytes.
func TestYAMLThatUnfoldsWithoutEndIsRefused(t *testing.T) {
	bomb := func(first, format string) string {
		var b strings.Builder
		b.WriteString("a0: &a0 " + first + "\n")
		for i := range 60 {
			last, n := fmt.Sprintf("*a%d", i), fmt.Sprintf("a%d", i+1)
			b.WriteString(n + ": &" + n + " " + strings.ReplaceAll(format, "*", last) + "\n")
		}
		return b.String()
	}
	for _, tc := range []struct{ name, input, want string }{
		{name: "lists of lists", input: bomb("[x, x, x]", "[*, *, *, *, *, *, *, *]"), want: "the aliases of the document stand for too much"},
		{name: "empty lists of lists", input: bomb("[]", "[*, *]"), want: "the aliases of the document stand for too much"},
		{name: "mappings of mappings", input: bomb("{x: y}", "{a: *, b: *}"), want: "the aliases of the document stand for too much"},
		{name: "merges of merges", input: bomb("{x: y}", "{<<: [*, *]}"), want: "the aliases of the document stand for too much"},
		{name: "long texts", input: bomb(strings.Repeat("x", 10000), "[*, *, *, *]"), want: "the aliases of the document stand for too much"},
		{name: "mistakes", input: bomb("{x: y, x: z}", "[*, *]"), want: "is given twice, first in line 1"},
		{name: "depth", input: "a: " + strings.Repeat("[", 500) + strings.Repeat("]", 500), want: "is nested more than 100 levels deep"},
		{name: "mistakes of form", input: head + "  task: {env: [" + strings.Repeat("1,", 1000) + "]}\n", want: "and 950 more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decodeAll([]byte(tc.input))
			if err == nil || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 20_000 {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

// A hint that leads nowhere is worse than none.
func TestHintsLeadToFieldsThatExist(t *testing.T) {
	job := reflect.TypeFor[v1.Job]()
	run, calendar := reflect.TypeFor[v1.Run](), reflect.TypeFor[v1.Calendar]()
	for name, hint := range moved {
		target, _, _ := strings.Cut(hint, " ")
		target = strings.TrimSuffix(target, ",")
		if target != "" && !hasField(job, target) {
			t.Errorf("%s leads to %s, which doesn't exist", name, target)
		}
		if target == "" && absent[name] == "" {
			t.Errorf("%s leads nowhere", name)
		}
	}
	for shape := range inner {
		if hasField(job, strings.ReplaceAll(shape, "[]", "")) {
			t.Errorf("%s exists: its hint is never given", shape)
		}
		parent := shape[:strings.LastIndexByte(shape, '.')]
		if !hasField(job, strings.ReplaceAll(parent, "[]", "")) {
			t.Errorf("%s is in nothing that exists", shape)
		}
	}
	for shape := range typeHints {
		if path := strings.ReplaceAll(shape, "[]", ""); !hasField(job, path) && !hasField(run, path) && !hasField(calendar, path) {
			t.Errorf("%s doesn't exist: its hint is never given", shape)
		}
	}
}

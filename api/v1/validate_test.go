package v1_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
)

// jobWith is a valid Job with what the YAML lines say in its spec besides; task is merged into the task.
const (
	jobHead = "apiVersion: horae/v1\nkind: Job\nmetadata: {name: hello}\nspec:\n"
	calHead = "apiVersion: horae/v1\nkind: Calendar\nmetadata: {name: holidays}\nspec:\n"
	runHead = "apiVersion: horae/v1\nkind: Run\nmetadata: {name: hello-1}\nspec:\n  job: hello\n"
	bfHead  = "apiVersion: horae/v1\nkind: Backfill\nmetadata: {name: october}\nspec:\n"
	shell   = "  task: {shell: x}\n"
)

func container(inner string) string { return "  task: {container: {" + inner + "}}\n" }

// invalid holds every rule: what breaks it, and what is said then, without "not supported yet".
var invalid = []struct {
	name, input, want string
}{
	{name: "no name", input: "apiVersion: horae/v1\nkind: Job\nmetadata: {}\nspec: {task: {shell: x}}\n",
		want: `metadata.name: Required value`},
	{name: "a name that is no DNS label", input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: Hello.World}\nspec: {task: {shell: x}}\n",
		want: `metadata.name: Invalid value: "Hello.World": a lowercase RFC 1123 label must`},
	{name: "a name too long for its Runs", input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: " + strings.Repeat("a", 53) + "}\nspec: {task: {shell: x}}\n",
		want: `metadata.name: Invalid value: "` + strings.Repeat("a", 53) + `": must have at most 52 characters: the names of its Runs add to it`},
	{name: "a namespace that is no DNS label", input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, namespace: a/b}\nspec: {task: {shell: x}}\n",
		want: `metadata.namespace: Invalid value: "a/b": a lowercase RFC 1123 label must`},
	{name: "metadata that would have to be ignored",
		input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, generateName: b, finalizers: [a/b], ownerReferences: [{apiVersion: v1, kind: X, name: x, uid: u}]}\nspec: {task: {shell: x}}\n",
		want: `metadata.generateName: Forbidden: is not supported: give the object a name
metadata.ownerReferences: Forbidden: are not supported: a Run belongs to the Job in its spec, nothing else is owned
metadata.finalizers: Forbidden: are not supported: deletion is over when the tasks are dead`},
	{name: "labels and annotations that Kubernetes would refuse",
		input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, labels: {a: b c}, annotations: {a b: c}}\nspec: {task: {shell: x}}\n",
		want: `metadata.labels: Invalid value: "b c": a valid label must
metadata.annotations: Invalid value: "a b": name part must`},

	{name: "an owner that is no address", input: jobHead + "  owner: bofh@example.com, the boss\n" + shell,
		want: `spec.owner: Invalid value: "bofh@example.com, the boss": must be mail addresses such as ops@example.com, separated by commas`},
	{name: "a schedule and dependsOn", input: jobHead + "  schedule: '@daily'\n  dependsOn: [{job: a}]\n" + shell,
		want: `spec.dependsOn: Forbidden: a Job has a schedule or dependsOn, not both: remove one of them; to run both after other Jobs and at certain times, use two Jobs with the same task`},
	{name: "quantities that are far too large or small", input: jobHead + "  task: {shell: x, resources: {cpus: 1e30, memory: 1e30, disk: 9e99}}\n",
		want: `spec.task.resources.cpus: Invalid value: "1e30": must be between 0.01 and 100000
spec.task.resources.memory: Invalid value: "1e30": must be at most 1Pi
spec.task.resources.disk: Invalid value: "9e99": must be at most 1Pi`},
	{name: "quantities below zero", input: jobHead + "  task: {shell: x, resources: {cpus: -1, memory: -1e30, disk: -1}}\n",
		want: `spec.task.resources.cpus: Invalid value: "-1": must be between 0.01 and 100000
spec.task.resources.memory: Invalid value: "-1e30": must be at least 1Mi; a plain number
spec.task.resources.disk: Invalid value: "-1": must be at least 1Mi; a plain number`},
	{name: "a shell line that Linux does not take", input: jobHead + "  task: {shell: " + strings.Repeat("x", 128<<10) + "}\n",
		want: `spec.task.shell: Invalid value: has 131072 bytes, and Linux gives a program at most 131071 in one argument; put more into a file, and fetch it`},
	{name: "arguments and variables that Linux does not take",
		input: jobHead + "  task:\n    command: [x, " + strings.Repeat("x", 128<<10) + "]\n    args: [y, " + strings.Repeat("x", 131_073) + "]\n    env: [{name: A, value: " + strings.Repeat("x", 131_070) + "}]\n    healthCheck: {command: " + strings.Repeat("x", 128<<10) + "}\n",
		want: `spec.task.command[1]: Invalid value: has 131072 bytes, and Linux gives
spec.task.args[1]: Invalid value: has 131073 bytes, and Linux gives
spec.task.env[0].value: Invalid value: has 131072 bytes as NAME=value, and Linux takes at most 131071 in one variable
spec.task.healthCheck.command: Invalid value: has 131072 bytes, and Linux gives`},
	{name: "more arguments than Linux takes together", input: jobHead + "  task: {command: [x], args: [" + strings.Repeat("'', ", 210_000) + "]}\n",
		want: `spec.task: Invalid value: its arguments and variables take 1890019 bytes together, and there is room for 1835008 when a program is executed`},
	{name: "a Run's arguments that Linux does not take behind a shell line", input: runHead + "  reason: Manual\n  args: [" + strings.Repeat("a, ", 40_000) + "]\n" + shell,
		want: `spec.args: Invalid value: has 160001 bytes, and Linux gives`},
	{name: "more to fetch than fits into the environment of the fetcher", input: jobHead + "  task:\n    shell: x\n    fetch: [" + strings.Repeat("{uri: /a, outputFile: b}, ", 1000) + "]\n",
		want: `spec.task.fetch: Invalid value: takes 203000 bytes, and Mesos's fetcher gets at most 126975; fetch an archive`},
	{name: "regular expressions that stand for too much", input: jobHead + "  task:\n    shell: x\n    constraints: [{attribute: a, operator: Like, value: '(x{100}){10}'}, {attribute: a, operator: Like, value: '" + strings.Repeat("(x{1000})", 20) + "'}, {attribute: a, operator: Unlike, value: " + strings.Repeat("x", 5000) + "}]\n",
		want: `spec.task.constraints[1].value: Invalid value: "` + strings.Repeat("(x{1000})", 20) + `": is too large a regular expression: its repetitions stand for too much
spec.task.constraints[2].value: Invalid value: "` + strings.Repeat("x", 5000) + `": must have at most 4096 characters`},
	{name: "regular expressions that stand for too much together", input: jobHead + "  task:\n    shell: x\n    constraints: [" + strings.Repeat("{attribute: a, operator: Like, value: '(x{100}){10}'}, ", 12) + "]\n",
		want: `spec.task.constraints[9].value: Invalid value: "(x{100}){10}": is too large a regular expression beside those of the other constraints: their repetitions stand for too much`},
	{name: "more constraints than a person writes", input: jobHead + "  task:\n    shell: x\n    constraints: [" + strings.Repeat("{attribute: a, operator: Like, value: '('}, ", 65) + "]\n",
		want: `spec.task.constraints: Too many: 65: must have at most 64 items`},
	{name: "lengths of time that are zero",
		input: jobHead + "  startingDeadline: 0s\n  timeout: 0s\n  queueTimeout: 0s\n  deadline: 0s\n  async: {timeout: 0s}\n  retries: {maxDelay: 0s}\n  history: {ttl: 0s}\n  unreachable: {after: 0s, then: Replace}\n" + shell,
		want: `spec.startingDeadline: Invalid value: "0s": must be greater than zero
spec.retries.maxDelay: Invalid value: "0s": must be greater than zero
spec.timeout: Invalid value: "0s": must be greater than zero
spec.queueTimeout: Invalid value: "0s": must be greater than zero
spec.deadline: Invalid value: "0s": must be greater than zero
spec.async.timeout: Invalid value: "0s": must be greater than zero
spec.unreachable.after: Invalid value: "0s": must be greater than zero
spec.history.ttl: Invalid value: "0s": must be greater than zero`},
	{name: "choices that there are not",
		input: jobHead + "  missedRuns: Some\n  concurrencyPolicy: forbid\n  dependsOn: [{job: a, on: Success}]\n  dependencyPolicy: all\n  unreachable: {then: Kill}\n" + shell,
		want: `spec.missedRuns: Unsupported value: "Some": supported values: "Latest", "All", "None"
spec.dependsOn[0].on: Unsupported value: "Success": supported values: "Succeeded", "Failed", "Finished"
spec.dependencyPolicy: Unsupported value: "all": supported values: "AllSinceLastRun", "EachOnce", "Any", "SameScheduledTime"
spec.concurrencyPolicy: Unsupported value: "forbid": supported values: "Forbid", "Allow", "Replace", "Queue"
spec.unreachable.then: Unsupported value: "Kill": supported values: "Wait", "Replace"`},
	{name: "calendars that cannot be", input: jobHead + "  schedule: '@daily'\n  calendars: {exclude: [A, b, b], only: [c, b, c], onExcluded: Never}\n" + shell,
		want: `spec.calendars.exclude[0]: Invalid value: "A": a lowercase RFC 1123 label must
spec.calendars.exclude[2]: Duplicate value: "b"
spec.calendars.only[2]: Duplicate value: "c"
spec.calendars.only[1]: Invalid value: "b": is under exclude as well: no day is left of it
spec.calendars.onExcluded: Unsupported value: "Never": supported values: "Skip", "NextDay"`},
	{name: "calendars without a schedule", input: jobHead + "  calendars: {exclude: [a]}\n" + shell,
		want: `spec.calendars: Forbidden: means nothing without a schedule`},
	{name: "a policy for days that are not excluded", input: jobHead + "  schedule: '@daily'\n  calendars: {onExcluded: NextDay}\n" + shell,
		want: `spec.calendars.onExcluded: Forbidden: means nothing without exclude or only`},
	{name: "parents that cannot be", input: jobHead + "  dependsOn: [{job: hello}, {job: A}, {job: b}, {job: b}, {}]\n" + shell,
		want: `spec.dependsOn[0].job: Invalid value: "hello": a Job cannot depend on itself
spec.dependsOn[1].job: Invalid value: "A": a lowercase RFC 1123 label must
spec.dependsOn[3].job: Duplicate value: "b"
spec.dependsOn[4].job: Required value`},
	{name: "a dependency policy without dependencies", input: jobHead + "  dependencyPolicy: Any\n" + shell,
		want: `spec.dependencyPolicy: Forbidden: means nothing without dependsOn`},
	{name: "numbers out of range",
		input: jobHead + "  suspendAfterFailures: 0\n  priority: 1000001\n  retries: {limit: -1, factor: 0.5}\n  history: {succeeded: -1, failed: 10001}\n" + shell,
		want: `spec.suspendAfterFailures: Invalid value: 0: must be between 1 and 2147483647
spec.retries.limit: Invalid value: -1: must be between 0 and 1000
spec.retries.factor: Invalid value: 0.5: must be between 1 and 100
spec.priority: Invalid value: 1000001: must be between -1000000 and 1000000
spec.history.succeeded: Invalid value: -1: must be between 0 and 10000
spec.history.failed: Invalid value: 10001: must be between 0 and 10000`},
	{name: "a bound below the delay", input: jobHead + "  retries: {delay: 60s, maxDelay: 30s}\n" + shell,
		want: `spec.retries.maxDelay: Invalid value: "30s": must not be less than the delay, 1m`},
	{name: "exit codes", input: jobHead + "  retries: {exitCodes: {never: [0, 256, 3, 3], only: [-1]}}\n" + shell,
		want: `spec.retries.exitCodes.only: Forbidden: give never or only, not both
spec.retries.exitCodes.never[0]: Invalid value: 0: must be between 1 and 255
spec.retries.exitCodes.never[1]: Invalid value: 256: must be between 1 and 255
spec.retries.exitCodes.never[3]: Duplicate value: 3
spec.retries.exitCodes.only[0]: Invalid value: -1: must be between 1 and 255`},
	{name: "waiting for ever, for a while", input: jobHead + "  unreachable: {after: 15m}\n" + shell,
		want: `spec.unreachable.after: Forbidden: means nothing without then: Replace; Wait has no end`},
	{name: "notifications", input: jobHead + "  notify: [{on: [failed!]}]\n" + shell,
		want: `spec.notify[0].to: Required value: such as slack:#data
spec.notify[0].on[0]: Invalid value: "failed!": must be a word such as Failed, Recovered or Late`},

	{name: "nothing to run", input: jobHead + "  task: {args: [a]}\n",
		want: `spec.task: Required value: say what runs: shell, command, executor, or a container image with a command of its own`},
	{name: "two things to run", input: jobHead + "  task: {shell: a, command: [b]}\n",
		want: `spec.task.command: Forbidden: give one of shell, command and executor, not shell and command`},
	{name: "an executor and a command", input: jobHead + "  task: {command: [b], executor: {command: c}}\n",
		want: `spec.task.executor: Forbidden: give one of shell, command and executor, not command and executor`},
	{name: "a blank shell line", input: jobHead + "  task: {shell: ' '}\n",
		want: `spec.task.shell: Invalid value: " ": must not be blank`},
	{name: "args of a shell line", input: jobHead + "  task: {shell: x, args: [y]}\n",
		want: `spec.task.args: Forbidden: belong to command or to an image's own command; a shell line holds its arguments itself`},
	{name: "no program", input: jobHead + "  task: {command: ['', x]}\n",
		want: `spec.task.command[0]: Required value: the program to execute`},
	{name: "NUL characters", input: jobHead + `  task: {command: ["a\0"], args: ["b\0"], env: [{name: A, value: "c\0"}]}` + "\n",
		want: `spec.task.command[0]: Invalid value: "a\x00": must not contain a NUL character
spec.task.args[0]: Invalid value: "b\x00": must not contain a NUL character
spec.task.env[0].value: Invalid value: "c\x00": must not contain a NUL character`},
	{name: "a NUL character in a shell line", input: jobHead + `  task: {shell: "a\0"}` + "\n",
		want: `spec.task.shell: Invalid value: "a\x00": must not contain a NUL character`},
	{name: "a user that cannot be one", input: jobHead + "  task: {shell: x, user: 'a b'}\n",
		want: `spec.task.user: Invalid value: "a b": must be the name of a user on the agents`},
	{name: "variables",
		input: jobHead + "  task:\n    shell: x\n    env: [{}, {name: 1A}, {name: mesos_task_id}, {name: HOST}, {name: CHRONOS_JOB_NAME}, {name: HORAE_X}, {name: PORT0}, {name: PORTS}, {name: A, value: b, secret: {}}]\n",
		want: `spec.task.env[0].name: Required value
spec.task.env[1].name: Invalid value: "1A": a valid environment variable name must
spec.task.env[2].name: Forbidden: mesos_task_id is set by Horae for every attempt and cannot be given
spec.task.env[3].name: Forbidden: HOST is set by Horae for every attempt and cannot be given
spec.task.env[4].name: Forbidden: CHRONOS_JOB_NAME is set by Horae for every attempt and cannot be given
spec.task.env[5].name: Forbidden: HORAE_X is set by Horae for every attempt and cannot be given
spec.task.env[6].name: Forbidden: PORT0 is set by Horae to ports of the task and cannot be given
spec.task.env[7].name: Forbidden: PORTS is set by Horae to ports of the task and cannot be given
spec.task.env[8].secret: Forbidden: give value or secret, not both
spec.task.env[8].secret.name: Required value`},
	{name: "addresses to fetch",
		input: jobHead + "  task:\n    shell: x\n    fetch: [{}, {uri: job.tgz}, {uri: 'gopher://a/b'}, {uri: 'http:///b'}, {uri: 'http://a/b c'}, {uri: \"http://a/b'\"}]\n",
		want: `spec.task.fetch[0].uri: Required value
spec.task.fetch[1].uri: Invalid value: "job.tgz": must be an address such as https://repo.example.com/job.tgz, or the absolute path of a file on the agents
spec.task.fetch[2].uri: Invalid value: "gopher://a/b": must have one of the schemes http, https, ftp, ftps, file, hdfs,
spec.task.fetch[3].uri: Invalid value: "http:///b": must name a host
spec.task.fetch[4].uri: Invalid value: "http://a/b c": must not contain spaces, control characters, \ or '
spec.task.fetch[5].uri: Invalid value: "http://a/b'": must not contain spaces, control characters, \ or '`},
	{name: "addresses that Mesos's fetcher would not understand",
		input: jobHead + "  task:\n    shell: x\n    fetch: [{uri: 'http://a'}, {uri: 'http://a/', outputFile: x}, {uri: 'https://a/b?c=/'}, {uri: 'HTTPS://a/b'}, {uri: 'file://b/c'}, {uri: 'http:/a/b'}]\n",
		want: `spec.task.fetch[0].uri: Invalid value: "http://a": must name a file
spec.task.fetch[1].uri: Invalid value: "http://a/": must name a file
spec.task.fetch[2].uri: Invalid value: "https://a/b?c=/": must end in the name of a file; or give outputFile
spec.task.fetch[3].uri: Invalid value: "HTTPS://a/b": must begin with https://, in lower case
spec.task.fetch[4].uri: Invalid value: "file://b/c": must be the absolute path of a file on the agents, as file:///path
spec.task.fetch[5].uri: Invalid value: "http:/a/b": must begin with http://, in lower case`},
	{name: "a file whose name would be the cache's",
		input: jobHead + "  task:\n    shell: x\n    fetch: [{uri: 'http://a/b.gz', cache: true}]\n",
		want:  `spec.task.fetch[0].cache: Forbidden: Mesos unpacks a .gz file of its cache under a name of the cache's own; set extract: false`},
	{name: "files to fetch into",
		input: jobHead + "  task:\n    shell: x\n    fetch: [{uri: /a, outputFile: /etc/passwd}, {uri: /a, outputFile: a/../../b}, {uri: /a, outputFile: a/}, {uri: /a, outputFile: \"a'\"}]\n",
		want: `spec.task.fetch[0].outputFile: Invalid value: "/etc/passwd": must be a path in the sandbox: relative and without ..
spec.task.fetch[1].outputFile: Invalid value: "a/../../b": must be a path in the sandbox: relative and without ..
spec.task.fetch[2].outputFile: Invalid value: "a/": must name a file
spec.task.fetch[3].outputFile: Invalid value: "a'": must not contain control characters, \ or '`},
	{name: "resources too small, memory as Chronos wrote it", input: jobHead + "  task: {shell: x, resources: {cpus: 0, memory: 128, disk: 1k, gpus: -1, ports: -1}}\n",
		want: `spec.task.resources.cpus: Invalid value: "0": must be between 0.01 and 100000
spec.task.resources.memory: Invalid value: "128": must be at least 1Mi; a plain number means bytes: write 128Mi, not 128
spec.task.resources.disk: Invalid value: "1k": must be at least 1Mi; a plain number means bytes: write 128Mi, not 128
spec.task.resources.gpus: Invalid value: -1: must be between 0 and 1000
spec.task.resources.ports: Invalid value: -1: must be between 0 and 1000`},
	{name: "resources too great or too fine", input: jobHead + "  task: {shell: x, resources: {cpus: 0.1234, memory: 2Pi, disk: 2Pi, ports: 1001}}\n",
		want: `spec.task.resources.cpus: Invalid value: "123400u": must have at most three decimals
spec.task.resources.memory: Invalid value: "2Pi": must be at most 1Pi
spec.task.resources.disk: Invalid value: "2Pi": must be at most 1Pi
spec.task.resources.ports: Invalid value: 1001: must be between 0 and 1000`},
	{name: "cpus in bytes", input: jobHead + "  task: {shell: x, resources: {cpus: 128Mi}}\n",
		want: `spec.task.resources.cpus: Invalid value: "128Mi": must be between 0.01 and 100000`},
	{name: "a role with a space", input: jobHead + "  task: {shell: x, role: a b}\n",
		want: `spec.task.role: Invalid value: "a b": must not contain white space`},
	{name: "a role with an empty part", input: jobHead + "  task: {shell: x, role: a//b}\n",
		want: `spec.task.role: Invalid value: "a//b": must not begin or end with / or contain //`},
	{name: "a role with a part that means something else", input: jobHead + "  task: {shell: x, role: a/..}\n",
		want: `spec.task.role: Invalid value: "a/..": must not have a part that is ., .. or *`},
	{name: "a role that looks like an option", input: jobHead + "  task: {shell: x, role: -a}\n",
		want: `spec.task.role: Invalid value: "-a": must not have a part that begins with -`},
	{name: "a placement that there is not", input: jobHead + "  task: {shell: x, placement: BinPack}\n",
		want: `spec.task.placement: Unsupported value: "BinPack": supported values: "Pack", "Spread"`},
	{name: "constraints without their parts", input: jobHead + "  task: {shell: x, constraints: [{}, {attribute: a, operator: LIKE}]}\n",
		want: `spec.task.constraints[0].attribute: Required value: an agent's attribute, or hostname, agent, region, zone
spec.task.constraints[0].operator: Required value: such as Equals or Like
spec.task.constraints[1].operator: Unsupported value: "LIKE": supported values: "Equals", "NotEquals", "Like", "Unlike", "Exists", "NotExists", "In", "NotIn", "Gt", "Lt", "Unique", "MaxPer", "GroupBy"`},
	{name: "values of constraints", input: jobHead + `  task:
    shell: x
    constraints:
    - {attribute: a, operator: Equals}
    - {attribute: a, operator: Like, value: "[[["}
    - {attribute: a, operator: Unlike, value: "(?=x)"}
    - {attribute: a, operator: Exists, value: x}
    - {attribute: a, operator: In, value: "a,,b"}
    - {attribute: a, operator: NotIn}
    - {attribute: a, operator: Gt, value: x}
    - {attribute: a, operator: Unique, value: x}
    - {attribute: a, operator: MaxPer, value: "0"}
    - {attribute: a, operator: GroupBy, value: x}
    - {attribute: a, operator: Like}
`, want: `spec.task.constraints[0].value: Required value: the value to compare with
spec.task.constraints[1].value: Invalid value: "[[[": must be a regular expression (RE2: no look-ahead, no back-references): missing closing ]:
spec.task.constraints[2].value: Invalid value: "(?=x)": must be a regular expression (RE2: no look-ahead, no back-references): invalid or unsupported Perl syntax:
spec.task.constraints[3].value: Invalid value: "x": must be empty: Exists compares with nothing
spec.task.constraints[4].value: Invalid value: "a,,b": must be values separated by commas
spec.task.constraints[5].value: Required value: must be values separated by commas
spec.task.constraints[6].value: Invalid value: "x": must be a number
spec.task.constraints[7].value: Invalid value: "x": must be empty: Unique compares with nothing
spec.task.constraints[8].value: Invalid value: "0": must be a whole number from 1 on
spec.task.constraints[9].value: Invalid value: "x": must be empty or the number of groups, from 1 on
spec.task.constraints[10].value: Required value: a regular expression that the whole value matches`},

	{name: "a container of no type", input: jobHead + container("image: x"), want: `spec.task.container.type: Required value: Docker or Mesos`},
	{name: "a container of another type", input: jobHead + container("type: DOCKER, image: x"),
		want: `spec.task.container.type: Unsupported value: "DOCKER": supported values: "Docker", "Mesos"`},
	{name: "Docker without an image", input: jobHead + "  task: {shell: x, container: {type: Docker}}\n",
		want: `spec.task.container.image: Required value: with type Docker`},
	{name: "a pull of nothing", input: jobHead + "  task: {shell: x, container: {type: Mesos, forcePull: true}}\n",
		want: `spec.task.container.forcePull: Forbidden: means nothing without an image`},
	{name: "an image with a space", input: jobHead + container("type: Docker, image: a b"),
		want: `spec.task.container.image: Invalid value: "a b": must not contain white space`},
	{name: "an image that cannot be one", input: jobHead + container("type: Mesos, image: BusyBox"),
		want: `spec.task.container.image: Invalid value: "BusyBox": must be the name of an image: a registry's host if it is not the agents' default, lower-case names`},
	{name: "options of docker run for Mesos", input: jobHead + container("type: Mesos, image: x, privileged: true, parameters: [{key: a, value: b}]"),
		want: `spec.task.container.parameters: Forbidden: are options of docker run; type Mesos has none
spec.task.container.privileged: Forbidden: is for type Docker only`},
	{name: "an option without a name", input: jobHead + container("type: Docker, image: x, parameters: [{key: --, value: b}]"),
		want: `spec.task.container.parameters[0].key: Required value: an option of docker run, without its dashes`},
	{name: "a network that there is not", input: jobHead + container("type: Docker, image: x, network: {mode: bridge}"),
		want: `spec.task.container.network.mode: Unsupported value: "bridge": supported values: "Host", "Bridge", "None", "User"`},
	{name: "Docker's bridge for Mesos", input: jobHead + container("type: Mesos, image: x, network: {mode: Bridge}"),
		want: `spec.task.container.network.mode: Invalid value: "Bridge": type Mesos has Host, and User with the name of a CNI network`},
	{name: "a network of the user's without a name", input: jobHead + container("type: Docker, image: x, network: {mode: User}"),
		want: `spec.task.container.network.name: Required value: with mode User`},
	{name: "parts of a network that would be ignored",
		input: jobHead + container("type: Docker, image: x, network: {name: a, labels: {a: b}, portMappings: [{hostPort: 1, containerPort: 1}]}"),
		want: `spec.task.container.network.name: Forbidden: means nothing without mode: User
spec.task.container.network.labels: Forbidden: mean nothing without mode: User
spec.task.container.network.portMappings: Forbidden: mean nothing without mode: Bridge or User`},
	{name: "port mappings",
		input: jobHead + container("type: Docker, image: x, network: {mode: Bridge, portMappings: [{hostPort: -1}, {hostPort: 65536, containerPort: 65536, protocol: TCP}, {hostPort: 1, containerPort: 80}, {hostPort: 2, containerPort: 80, protocol: tcp}, {hostPort: 3, containerPort: 80, protocol: udp}]}"),
		want: `spec.task.container.network.portMappings[0].hostPort: Invalid value: -1: must be between 0 and 65535
spec.task.container.network.portMappings[0].containerPort: Invalid value: 0: must be between 1 and 65535
spec.task.container.network.portMappings[1].hostPort: Invalid value: 65536: must be between 0 and 65535
spec.task.container.network.portMappings[1].containerPort: Invalid value: 65536: must be between 1 and 65535
spec.task.container.network.portMappings[1].protocol: Unsupported value: "TCP": supported values: "tcp", "udp"
spec.task.container.network.portMappings[3].containerPort: Duplicate value: 80`},
	{name: "a port of the host twice",
		input: jobHead + container("type: Docker, image: x, network: {mode: Bridge, portMappings: [{hostPort: 80, containerPort: 1}, {hostPort: 80, containerPort: 2, protocol: tcp}, {hostPort: 80, containerPort: 3, protocol: udp}]}"),
		want:  `spec.task.container.network.portMappings[1].hostPort: Duplicate value: 80`},
	{name: "more mappings than ports",
		input: jobHead + "  task: {resources: {ports: 1}, container: {type: Docker, image: x, network: {mode: Bridge, portMappings: [{containerPort: 80}, {containerPort: 81}]}}}\n",
		want:  `spec.task.container.network.portMappings: Invalid value: take 2 of the task's ports (hostPort 0); ask for as many in resources.ports`},
	{name: "volumes",
		input: jobHead + container(`type: Docker, image: x, volumes: [{}, {containerPath: a, hostPath: x}, {containerPath: /a, hostPath: x, mode: ro}, {containerPath: /a/, hostPath: ../b}, {containerPath: /c, hostPath: "/\0", external: {}}]`),
		want: `spec.task.container.volumes[0].containerPath: Required value
spec.task.container.volumes[0].hostPath: Required value: or external: absolute, or relative to the sandbox
spec.task.container.volumes[1].containerPath: Invalid value: "a": must be an absolute path
spec.task.container.volumes[2].mode: Unsupported value: "ro": supported values: "RW", "RO"
spec.task.container.volumes[3].containerPath: Duplicate value: "/a/"
spec.task.container.volumes[3].hostPath: Invalid value: "../b": must not contain ..
spec.task.container.volumes[4].external: Forbidden: give hostPath or external, not both
spec.task.container.volumes[4].hostPath: Invalid value: "/\x00": must not contain a NUL character
spec.task.container.volumes[4].external.provider: Required value: the volume driver
spec.task.container.volumes[4].external.name: Required value`},
	{name: "colons in volumes, which docker run would read as separators",
		input: jobHead + container(`type: Docker, image: x, volumes: [{containerPath: "/a:ro", hostPath: b}, {containerPath: /c, hostPath: "b:/d"}, {containerPath: /e, external: {provider: p, name: "n:m"}}]`),
		want: `spec.task.container.volumes[0].containerPath: Invalid value: "/a:ro": must not contain a colon
spec.task.container.volumes[1].hostPath: Invalid value: "b:/d": must not contain a colon
spec.task.container.volumes[2].external.name: Invalid value: "n:m": must not contain a colon or a slash`},
	{name: "what Docker's volume drivers are not given",
		input: jobHead + container(`type: Docker, image: x, volumes: [{containerPath: /a, external: {provider: p, name: n, options: {size: "5"}}}, {containerPath: /b, external: {provider: q, name: n}}]`),
		want: `spec.task.container.volumes[0].external.options: Forbidden: are not passed on by Mesos's Docker containerizer; make the volume beforehand, or use type Mesos
spec.task.container.volumes[1].external.provider: Invalid value: "q": must be the same as of the other volumes: docker run takes one volume driver`},
	{name: "options of docker run that are decided elsewhere, or no long names",
		input: jobHead + container(`type: Docker, image: x, parameters: [{key: name, value: x}, {key: net, value: host}, {key: v, value: "/a:/b"}, {key: --hostname, value: a}, {key: "a=b", value: c}, {key: hostname, value: "a\0"}]`),
		want: `spec.task.container.parameters[0].key: Forbidden: name cannot be given here: Mesos names the container, and finds it by its name
spec.task.container.parameters[1].key: Forbidden: net cannot be given here: use network.mode, and network.name with mode: User
spec.task.container.parameters[2].key: Invalid value: "v": must be the long name of an option of docker run, without its dashes, such as hostname
spec.task.container.parameters[3].key: Invalid value: "--hostname": must be the long name
spec.task.container.parameters[4].key: Invalid value: "a=b": must be the long name
spec.task.container.parameters[5].value: Invalid value: "a\x00": must not contain a NUL character`},
	{name: "an entry point beside a command", input: jobHead + "  task: {command: [x], container: {type: Docker, image: x, parameters: [{key: entrypoint, value: /x}]}}\n",
		want: `spec.task.container.parameters[0].key: Forbidden: entrypoint cannot be given beside shell, command or executor: they run in its place`},
	{name: "names that docker run would take for options", input: jobHead + container(`type: Docker, image: -x, network: {mode: User, name: -y}`),
		want: `spec.task.container.image: Invalid value: "-x": must be the name of an image
spec.task.container.network.name: Invalid value: "-y": must not contain white space or begin with -`},
	{name: "labels for Docker's networks", input: jobHead + container(`type: Docker, image: x, network: {mode: User, name: n, labels: {a: b}}`),
		want: `spec.task.container.network.labels: Forbidden: are for CNI plug-ins, with type Mesos; Docker's networks get none`},
	{name: "secrets for Docker", input: jobHead + "  task: {shell: x, env: [{name: A, secret: {name: s}}], container: {type: Docker, image: x}}\n",
		want: `spec.task.env[0].secret: Forbidden: Mesos resolves no secrets for Docker containers; use container type Mesos`},
	{name: "secrets of a trigger for Docker", input: runHead + "  reason: Manual\n  env: [{name: A, secret: {name: s}}]\n  task: {container: {type: Docker, image: x}}\n",
		want: `spec.env[0].secret: Forbidden: Mesos resolves no secrets for Docker containers; use container type Mesos`},

	{name: "an executor without a command", input: jobHead + "  task: {executor: {fetch: [{uri: x}]}}\n",
		want: `spec.task.executor.command: Required value
spec.task.executor.fetch[0].uri: Invalid value: "x": must be an address`},
	{name: "a health check of nothing", input: jobHead + "  task: {shell: x, healthCheck: {interval: 0s, timeout: 0s, maxFailures: 0}}\n",
		want: `spec.task.healthCheck: Invalid value: give exactly one of command, http and tcp
spec.task.healthCheck.interval: Invalid value: "0s": must be greater than zero
spec.task.healthCheck.timeout: Invalid value: "0s": must be greater than zero
spec.task.healthCheck.maxFailures: Invalid value: 0: must be between 1 and 1000`},
	{name: "health checks of several kinds", input: jobHead + `  task: {shell: x, healthCheck: {command: "a\0", http: {path: x, scheme: HTTP}, tcp: {port: 65536}}}` + "\n",
		want: `spec.task.healthCheck.command: Invalid value: "a\x00": must not contain a NUL character
spec.task.healthCheck.http.port: Invalid value: 0: must be between 1 and 65535
spec.task.healthCheck.http.path: Invalid value: "x": must begin with /
spec.task.healthCheck.http.scheme: Unsupported value: "HTTP": supported values: "http", "https"
spec.task.healthCheck.tcp.port: Invalid value: 65536: must be between 1 and 65535
spec.task.healthCheck: Invalid value: give exactly one of command, http and tcp`},
	{name: "a label without a name", input: jobHead + "  task: {shell: x, labels: {'': a}}\n",
		want: `spec.task.labels: Invalid value: "": a label needs a name`},

	{name: "a Run of nothing for no reason", input: "apiVersion: horae/v1\nkind: Run\nmetadata: {name: a}\nspec: {task: {shell: x}}\n",
		want: "spec.job: Required value\nspec.reason: Required value"},
	{name: "a Run with a name that cannot be", input: "apiVersion: horae/v1\nkind: Run\nmetadata: {name: a.b}\nspec: {job: a, reason: Manual, task: {shell: x}}\n",
		want: `metadata.name: Invalid value: "a.b": must consist of lower case letters, digits and '-', and begin and end with a letter or digit`},
	{name: "a Run with a name too long",
		input: "apiVersion: horae/v1\nkind: Run\nmetadata: {name: " + strings.Repeat("a", 91) + "}\nspec: {job: a, reason: Manual, task: {shell: x}}\n",
		want:  `metadata.name: Invalid value: "` + strings.Repeat("a", 91) + `": must be no more than 90 characters`},
	{name: "a Run whose label speaks of another Job",
		input: "apiVersion: horae/v1\nkind: Run\nmetadata: {name: a, labels: {horae/job: b}}\nspec: {job: a, reason: Manual, task: {shell: x}}\n",
		want:  `metadata.labels[horae/job]: Invalid value: "b": must be spec.job`},
	{name: "a Run's own fields", input: "apiVersion: horae/v1\nkind: Run\nmetadata: {name: a}\n" +
		`spec: {job: A, reason: Fun, parents: [A], omittedParents: -1, args: ["\0"], env: [{name: HOST}, {name: A, value: "\0"}], owner: x, timeout: 0s, task: {shell: x, user: ' '}}` + "\n",
		want: `spec.job: Invalid value: "A": a lowercase RFC 1123 label must
spec.reason: Unsupported value: "Fun": supported values: "Schedule", "Dependency", "Manual", "Backfill"
spec.omittedParents: Invalid value: -1: must not be negative
spec.parents[0]: Invalid value: "A": must consist of lower case letters
spec.args[0]: Invalid value: "\x00": must not contain a NUL character
spec.env[0].name: Forbidden: HOST is set by Horae for every attempt and cannot be given
spec.env[1].value: Invalid value: "\x00": must not contain a NUL character
spec.owner: Invalid value: "x": must be mail addresses such as ops@example.com, separated by commas
spec.timeout: Invalid value: "0s": must be greater than zero
spec.task.user: Invalid value: " ": must be the name of a user on the agents`},
	{name: "a scheduled Run without its time", input: runHead + "  reason: Schedule\n" + shell,
		want: `spec.scheduledTime: Required value: with reason Schedule`},
	{name: "a health check of an executor's task", input: jobHead + "  task: {executor: {command: x}, healthCheck: {command: x}}\n",
		want: `spec.task.healthCheck: Forbidden: a custom executor checks for itself`},
	{name: "health checks of the task's ports",
		input: jobHead + "  task: {shell: x, resources: {ports: 1}, healthCheck: {http: {port: 80, portIndex: 0}}}\n",
		want:  `spec.task.healthCheck.http.portIndex: Forbidden: give port or portIndex, not both`},
	{name: "a health check of a port that the task has not", input: jobHead + "  task: {shell: x, resources: {ports: 1}, healthCheck: {tcp: {portIndex: 1}}}\n",
		want: `spec.task.healthCheck.tcp.portIndex: Invalid value: 1: must be one of the task's ports, from 0 on; resources.ports asks for 1`},
	{name: "a health check of a port of the host from inside of a bridge",
		input: jobHead + "  task: {shell: x, resources: {ports: 1}, container: {type: Docker, image: x, network: {mode: Bridge}}, healthCheck: {http: {portIndex: 0}}}\n",
		want:  `spec.task.healthCheck.http.portIndex: Forbidden: the check is made inside of the container's network; give port, the one that the task listens on there`},
	{name: "what only a person's request has", input: runHead + "  reason: Schedule\n  scheduledTime: 2026-11-22T02:00:00Z\n  retryOf: a\n  markSucceeded: true\n" + shell,
		want: `spec.retryOf: Forbidden: needs reason Manual
spec.markSucceeded: Forbidden: needs reason Manual`},
	{name: "what a person's request cannot say", input: runHead + "  reason: Manual\n  retryOf: A\n  requestedBy: " + strings.Repeat("x", 257) + "\n  note: \"a\\x1b[31m\"\n" + shell,
		want: `spec.retryOf: Invalid value: "A": must consist of lower case letters, digits and '-', and begin and end with a letter or digit
spec.requestedBy: Too long: may not be more than 256 bytes
spec.note: Invalid value: "a\x1b[31m": must not contain control characters`},
	{name: "arguments for an executor", input: runHead + "  reason: Manual\n  args: [x]\n  task: {executor: {command: x}}\n",
		want: `spec.args: Forbidden: a custom executor takes no args`},

	{name: "a Calendar without a day", input: "apiVersion: horae/v1\nkind: Calendar\nmetadata: {name: A}\nspec: {ics: ' '}\n",
		want: `metadata.name: Invalid value: "A": a lowercase RFC 1123 label must
spec: Required value: say which days: dates, weekdays or ics`},
	{name: "dates that cannot be",
		input: calHead + "  dates: [25.12.2026, 2026-02-29, --02-30, 2026-12-26/2026-12-24, 2026-12-24/--12-26, 2026-12-24/, 2026-12-24/26, 0000-01-01, '2026-12-25T00:00:00Z']\n",
		want: "spec.dates[0]: Invalid value: \"25.12.2026\": must be a date such as 2026-12-25, a range such as 2026-12-24/2027-01-01 (both ends are in it), or the same of every year: --12-25\n" +
			`spec.dates[1]: Invalid value: "2026-02-29": there is no day 2026-02-29
spec.dates[2]: Invalid value: "--02-30": there is no day --02-30
spec.dates[3]: Invalid value: "2026-12-26/2026-12-24": 2026-12-24 is before 2026-12-26
spec.dates[4]: Invalid value: "2026-12-24/--12-26": both ends must have a year, or neither
spec.dates[5]: Invalid value: "2026-12-24/": must be a date such as
spec.dates[6]: Invalid value: "2026-12-24/26": must be a date such as
spec.dates[7]: Invalid value: "0000-01-01": must be in the years 0001-9999
spec.dates[8]: Invalid value: "2026-12-25T00:00:00Z": must be a date such as`},
	{name: "weekdays that cannot be", input: calHead + "  weekdays: [SAT, Sunday, SAT]\n",
		want: `spec.weekdays[1]: Unsupported value: "Sunday": supported values: "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"
spec.weekdays[2]: Duplicate value: "SAT"`},

	{name: "a Backfill of nothing", input: "apiVersion: horae/v1\nkind: Backfill\nmetadata: {name: a}\nspec: {}\n",
		want: `spec.job: Required value: the name of a Job
spec.from: Required value: a time such as 2026-11-22T02:00:00Z
spec.to: Required value: a time such as 2026-11-22T02:00:00Z`},
	{name: "a Backfill that cannot be",
		input: bfHead + "  job: A\n  from: 2026-11-22T02:00:00Z\n  to: 2026-11-22T03:00:00+01:00\n  parallel: 101\n  order: Any\n  runs: Some\n  priority: 1000001\n  ttl: 0s\n",
		want: `spec.job: Invalid value: "A": a lowercase RFC 1123 label must
spec.to: Invalid value: "2026-11-22T02:00:00Z": must be later than from: the range ends before it
spec.parallel: Invalid value: 101: must be between 1 and 100
spec.order: Unsupported value: "Any": supported values: "OldestFirst", "NewestFirst"
spec.runs: Unsupported value: "Some": supported values: "Missing", "Failed", "All"
spec.priority: Invalid value: 1000001: must be between -1000000 and 1000000
spec.ttl: Invalid value: "0s": must be greater than zero`},
	{name: "a backfilled Run of no Backfill", input: runHead + "  reason: Backfill\n  scheduledTime: 2026-11-22T02:00:00Z\n" + shell,
		want: "spec.backfill: Required value: with reason Backfill"},
	{name: "a Backfill's name that cannot be", input: runHead + "  reason: Manual\n  backfill: A/b\n" + shell,
		want: `spec.backfill: Invalid value: "A/b": a lowercase RFC 1123 label must
spec.backfill: Forbidden: needs reason Backfill`},
}

func TestWhatIsInvalid(t *testing.T) {
	for _, tc := range invalid {
		t.Run(tc.name, func(t *testing.T) {
			got := texts(supportedOnly(validate(decode(t, tc.input))))
			want := strings.Split(tc.want, "\n")
			if len(got) != len(want) {
				t.Fatalf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), tc.want)
			}
			for i := range want {
				// Texts of Kubernetes's own are long, and Kubernetes's to change: their beginning will do.
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], want[i])
				}
			}
		})
	}
}

func TestDefaultsMakeNothingInvalid(t *testing.T) {
	for _, tc := range invalid {
		obj, err := api.ParseOne([]byte(tc.input))
		if err != nil {
			t.Fatal(err)
		}
		before := texts(validate(obj))
		api.SetDefaults(obj)
		if diff := cmp.Diff(before, texts(validate(obj))); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestWhatIsValid(t *testing.T) {
	for _, tc := range []struct{ name, input string }{
		{name: "a Job that is only triggered", input: jobHead + shell},
		{name: "metadata as kubectl shows it", input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, namespace: b, uid: u, resourceVersion: '3', generation: 2, creationTimestamp: null, selfLink: /x, managedFields: [{manager: m}], labels: {a.b/c: d}, annotations: {a.b/c: any text}}\nspec: {task: {shell: x}}\n"},
		{name: "several owners", input: jobHead + "  owner: a@b.c , d@e\n" + shell},
		{name: "lengths of time that may be zero", input: jobHead + "  jitter: 0s\n  retries: {delay: 0s}\n  task: {shell: x, killGracePeriod: 0s}\n"},
		{name: "a delay above the default bound", input: jobHead + "  retries: {delay: 2h}\n" + shell},
		{name: "an explicit Wait", input: jobHead + "  unreachable: {then: Wait}\n" + shell},
		{name: "no retries", input: jobHead + "  retries: {limit: 0, exitCodes: {}}\n" + shell},
		{name: "every kind of address", input: jobHead + "  task:\n    shell: x\n    fetch: [{uri: /a}, {uri: file:///a}, {uri: 'http://a/b?c=d'}, {uri: 'hdfs:///a'}, {uri: 's3://a/b', outputFile: c/d}, {uri: 'https://a/d/', outputFile: b}, {uri: 'file://localhost/a.gz'}, {uri: /a.tar.gz, cache: true}, {uri: /a.gz, cache: true, extract: false}]\n"},
		{name: "names of users", input: jobHead + "  task: {shell: x, user: 'DOMAIN\\a.b-c$'}\n"},
		{name: "a variable twice, and without a value", input: jobHead + "  task:\n    shell: x\n    env: [{name: A, value: b}, {name: A}, {name: PORT}, {name: MESOS_NATIVE_JAVA_LIBRARY}, {name: a.b-c}]\n"},
		{name: "all that Linux takes", input: jobHead + "  task:\n    command: [x, " + strings.Repeat("x", 131_071) + "]\n    env: [{name: A, value: " + strings.Repeat("x", 131_069) + "}]\n"},
		{name: "a shell line that Linux takes", input: jobHead + "  task: {shell: " + strings.Repeat("x", 131_071) + "}\n"},
		{name: "no disk", input: jobHead + "  task: {shell: x, resources: {cpus: 0.01, memory: 1Mi, disk: 0, ports: 1000}}\n"},
		{name: "labels of a Mesos task are any text", input: jobHead + "  task: {shell: x, labels: {sim: 'exit:3,10ms', 'a b': ''}}\n"},
		{name: "an image's own command", input: jobHead + "  task: {args: [a], container: {type: Mesos, image: x, network: {mode: User, name: n, labels: {a: b}}, volumes: [{containerPath: /a, hostPath: b}, {containerPath: /c, external: {provider: p, name: n}}]}}\n"},
		{name: "Docker", input: jobHead + "  task: {shell: x, resources: {ports: 1}, container: {type: Docker, image: x, privileged: true, parameters: [{key: hostname, value: ''}], network: {mode: Bridge, portMappings: [{containerPort: 80}, {containerPort: 80, protocol: udp, hostPort: 53}]}, volumes: [{containerPath: /a, hostPath: logs}]}}\n"},
		{name: "a Mesos container without an image", input: jobHead + "  task: {shell: x, container: {type: Mesos, network: {}}}\n"},
		{name: "an executor", input: jobHead + "  task: {executor: {command: x, data: y, fetch: [{uri: /a}]}}\n"},
		{name: "health checks", input: jobHead + "  task: {shell: x, healthCheck: {http: {port: 80, path: /x, scheme: https}, gracePeriod: 0s}}\n"},
		{name: "a health check by TCP", input: jobHead + "  task: {shell: x, healthCheck: {tcp: {port: 80}}}\n"},
		{name: "an image's own command with another entry point", input: jobHead + "  task: {container: {type: Docker, image: x, parameters: [{key: entrypoint, value: /x}]}}\n"},
		{name: "a health check of a port of the task's own", input: jobHead + "  task: {shell: x, resources: {ports: 2}, healthCheck: {http: {portIndex: 1}}}\n"},
		{name: "secrets", input: jobHead + "  task: {shell: x, env: [{name: A, secret: {name: s, key: k}}], container: {type: Mesos}}\n"},
		{name: "a trigger's secrets", input: runHead + "  reason: Manual\n  env: [{name: A, secret: {name: s}}]\n  task: {shell: x}\n"},
		{name: "calendars", input: jobHead + "  schedule: '@daily'\n  calendars: {exclude: [a, b], only: [c], onExcluded: NextDay}\n" + shell},
		{name: "no calendars", input: jobHead + "  schedule: '@daily'\n  calendars: {}\n" + shell},
		{name: "a Calendar", input: calHead + "  dates: [2026-12-24/2027-01-01, --02-29, --12-24/--01-06, 9999-12-31]\n  weekdays: [SUN, MON]\n  ics: read elsewhere\n"},
		{name: "a Backfill", input: bfHead + "  job: hello\n  from: 2026-11-22T02:00:00Z\n  to: 2026-11-22T03:00:00Z\n  priority: 0\n"},
		{name: "a scheduled Run", input: runHead + "  reason: Schedule\n  scheduledTime: 2026-11-22T02:00:00.5+01:00\n" + shell},
		{name: "a manual Run with arguments", input: runHead + "  reason: Manual\n  args: [a]\n  env: [{name: A, value: b}]\n  cancel: true\n  task: {command: [x], args: [y]}\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			obj := decode(t, tc.input)
			if got := texts(validate(obj)); len(got) > 0 {
				t.Error(strings.Join(got, "\n"))
			}
			before := obj.DeepCopyObject()
			validate(obj)
			if diff := cmp.Diff(before, obj); diff != "" {
				t.Errorf("validation changed the object: %s", diff)
			}
		})
	}
}

// What comes with other issues is checked already; these would be valid but for that.
func TestWhatWillBeValid(t *testing.T) {
	for _, tc := range []struct{ name, input string }{
		{name: "dependencies", input: jobHead + "  dependsOn: [{job: a}, {job: b, on: Finished}]\n  dependencyPolicy: SameScheduledTime\n" + shell},
		{name: "roles", input: jobHead + "  task: {shell: x, role: a/b-c.d}\n"},
		{name: "constraints", input: jobHead + `  task:
    shell: x
    constraints:
    - {attribute: a, operator: NotEquals, value: x}
    - {attribute: a, operator: Unlike, value: "rack-[1-3]"}
    - {attribute: a, operator: NotExists}
    - {attribute: a, operator: In, value: "a, b"}
    - {attribute: a, operator: Lt, value: "-1.5"}
    - {attribute: a, operator: Unique}
    - {attribute: a, operator: MaxPer, value: "2"}
    - {attribute: a, operator: GroupBy}
    - {attribute: a, operator: GroupBy, value: "2"}
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := texts(supportedOnly(validate(decode(t, tc.input)))); len(got) > 0 {
				t.Error(strings.Join(got, "\n"))
			}
		})
	}
}

func decode(t *testing.T, text string) runtime.Object {
	t.Helper()
	obj, err := api.DecodeOne([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func validate(obj runtime.Object) field.ErrorList {
	switch o := obj.(type) {
	case *v1.Job:
		return v1.ValidateJob(o)
	case *v1.Calendar:
		return v1.ValidateCalendar(o)
	case *v1.Backfill:
		return v1.ValidateBackfill(o)
	}
	return v1.ValidateRun(obj.(*v1.Run))
}

func notSupported(err *field.Error) bool { return strings.HasSuffix(err.Detail, "not supported yet") }

func supportedOnly(errs field.ErrorList) field.ErrorList {
	var rest field.ErrorList
	for _, err := range errs {
		if !notSupported(err) {
			rest = append(rest, err)
		}
	}
	return rest
}

func texts(errs field.ErrorList) []string {
	var all []string
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}

var index = regexp.MustCompile(`\[[^]]*\]`)

func TestEveryManifestIsValid(t *testing.T) {
	files, err := filepath.Glob("../../manifests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		objs, err := api.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
		for _, obj := range objs {
			if errs := validate(obj); len(errs) > 0 {
				t.Errorf("%s: %v", f, errs.ToAggregate())
			}
		}
	}
}

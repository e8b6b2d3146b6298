package api

import (
	"reflect"
	"strings"
)

// moved has the right place of fields that Chronos or Kubernetes users write at the top, in spec, in spec.task or in
// spec.task.container. The text after the first space follows the path in the message.
var moved = map[string]string{
	// Chronos
	"name":                  "metadata.name",
	"ownerName":             "metadata.annotations",
	"epsilon":               "spec.startingDeadline",
	"parents":               "spec.dependsOn (a list of {job: NAME})",
	"disabled":              "spec.suspend",
	"cpus":                  "spec.task.resources.cpus",
	"mem":                   "spec.task.resources.memory (as 128Mi)",
	"memory":                "spec.task.resources.memory (as 128Mi)",
	"disk":                  "spec.task.resources.disk (as 256Mi)",
	"gpus":                  "spec.task.resources.gpus",
	"ports":                 "spec.task.resources.ports",
	"runAsUser":             "spec.task.user",
	"uris":                  "spec.task.fetch (a list of {uri: ADDRESS})",
	"arguments":             "spec.task.args",
	"environmentVariables":  "spec.task.env",
	"environment":           "spec.task.env",
	"highPriority":          "spec.priority (1000 for Chronos's highPriority)",
	"concurrent":            "spec.concurrencyPolicy (Allow | Forbid | Replace | Queue)",
	"scheduleTimeZone":      "spec.timeZone",
	"maxCompletionTime":     "spec.timeout (as 2h)",
	"executorFlags":         "spec.task.executor.data",
	"taskInfoData":          "spec.task.executor.data",
	"volumes":               "spec.task.container.volumes",
	"networkName":           "spec.task.container.network.name",
	"networkInfos":          "spec.task.container.network",
	"networks":              "spec.task.container.network (one)",
	"portMappings":          "spec.task.container.network.portMappings",
	"forcePullImage":        "spec.task.container.forcePull",
	"healthChecks":          "spec.task.healthCheck (one)",
	"hostname":              "spec.task.container.parameters (- {key: hostname, value: NAME})",
	"secrets":               "spec.task.env (- {name: NAME, secret: {name: ..., key: ...}})",
	"dataProcessingJobType": "",

	// Kubernetes
	"jobTemplate":                   "spec.task (there is no template around it)",
	"template":                      "spec.task (there is no template around it)",
	"startingDeadlineSeconds":       "spec.startingDeadline (as 30m)",
	"successfulJobsHistoryLimit":    "spec.history.succeeded",
	"failedJobsHistoryLimit":        "spec.history.failed",
	"backoffLimit":                  "spec.retries.limit",
	"backoffLimitPerIndex":          "spec.retries.limit",
	"activeDeadlineSeconds":         "spec.deadline (of the whole Run, as 6h) or spec.timeout (of one attempt)",
	"ttlSecondsAfterFinished":       "spec.history.ttl (as 720h)",
	"restartPolicy":                 "spec.retries",
	"podFailurePolicy":              "spec.retries.exitCodes",
	"containers":                    "spec.task.container (one; a Run is one Mesos task)",
	"initContainers":                "spec.task.fetch (for files; a Run is one Mesos task)",
	"image":                         "spec.task.container.image",
	"imagePullPolicy":               "spec.task.container.forcePull",
	"volumeMounts":                  "spec.task.container.volumes",
	"nodeSelector":                  "spec.task.constraints",
	"affinity":                      "spec.task.constraints",
	"nodeName":                      "spec.task.constraints (attribute: hostname)",
	"terminationGracePeriodSeconds": "spec.task.killGracePeriod (as 5s)",
	"livenessProbe":                 "spec.task.healthCheck",
	"readinessProbe":                "spec.task.healthCheck",
	"hostNetwork":                   "spec.task.container.network.mode (Host)",
	"securityContext":               "spec.task.user",
	"priorityClassName":             "spec.priority (a number)",
	"workingDir":                    "",
	"parallelism":                   "",
	"completions":                   "",

	// Marathon, systemd and common sense
	"cmd":       "spec.task.shell",
	"script":    "spec.task.shell",
	"cron":      "spec.schedule",
	"timezone":  "spec.timeZone",
	"dependsOn": "spec.dependsOn",
	"schedule":  "spec.schedule",
	"retries":   "spec.retries.limit",
	"command":   "spec.task.command (a list), or spec.task.shell for a shell command line",
	"shell":     "spec.task.shell",

	// in a container
	"args":       "spec.task.args",
	"entrypoint": "spec.task.command",
	"user":       "spec.task.user",
	"env":        "spec.task.env",
}

// absent has the reason why a field that other systems have does not exist here.
var absent = map[string]string{
	"dataProcessingJobType": "every Run may report its progress",
	"workingDir":            "a task starts in its Mesos sandbox; use cd in spec.task.shell",
	"parallelism":           "a Run is one Mesos task",
	"completions":           "a Run is one Mesos task",
}

// inner are hints for fields that are unknown in one place only.
var inner = map[string]string{
	"spec.task.fetch[].output_file":                 "use outputFile",
	"spec.task.fetch[].url":                         "use uri",
	"spec.task.env[].valueFrom":                     "use secret: {name: ..., key: ...}",
	"spec.task.resources.mem":                       "use memory, as 128Mi",
	"spec.task.resources.limits":                    "there are no limits besides the requests: use cpus, memory and disk directly",
	"spec.task.resources.requests":                  "use cpus, memory and disk directly",
	"spec.task.resources.cpu":                       "use cpus",
	"spec.task.container.volumes[].readOnly":        "use mode: RO",
	"spec.task.container.volumes[].mountPath":       "use containerPath",
	"spec.task.container.docker":                    "there is no docker level: image, network and the others stand in spec.task.container",
	"spec.dependsOn[].name":                         "use job",
	"spec.task.constraints[].field":                 "use attribute",
	"spec.task.constraints[].key":                   "use attribute",
	"spec.history.ttlSecondsAfterFinished":          "use ttl, as 720h",
	"spec.retries.count":                            "use limit",
	"spec.retries.backoffLimit":                     "use limit",
	"spec.retries.max":                              "use limit",
	"spec.task.healthCheck.exec":                    "use command: a shell command line",
	"spec.task.healthCheck.httpGet":                 "use http: {port: ..., path: ...}",
	"spec.task.healthCheck.tcpSocket":               "use tcp: {port: ...}",
	"spec.task.healthCheck.periodSeconds":           "use interval, as 10s",
	"spec.task.healthCheck.timeoutSeconds":          "use timeout, as 5s",
	"spec.task.healthCheck.failureThreshold":        "use maxFailures",
	"spec.task.healthCheck.initialDelaySeconds":     "use gracePeriod, as 10s",
	"spec.task.healthCheck.gracePeriodSeconds":      "use gracePeriod, as 10s",
	"spec.task.healthCheck.intervalSeconds":         "use interval, as 10s",
	"spec.task.healthCheck.maxConsecutiveFailures":  "use maxFailures",
	"spec.task.healthCheck.protocol":                "use http: {port: ...}, tcp: {port: ...} or command",
	"spec.task.healthCheck.port":                    "use http: {port: ...} or tcp: {port: ...}",
	"spec.task.healthCheck.portIndex":               "use http: {portIndex: ...} or tcp: {portIndex: ...}",
	"spec.task.healthCheck.path":                    "use http: {port: ..., path: ...}",
	"spec.task.executor.uris":                       "use fetch",
	"spec.task.executor.shell":                      "use command: a shell command line",
	"spec.task.container.network.networkName":       "use name",
	"spec.task.container.volumes[].external.driver": "use provider",
}

// unknownHint returns where an unknown field belongs, if that is known. It never names a place that the document's
// type does not have.
func unknownHint(root reflect.Type, shape, name string) string {
	if hint := inner[join(shape, name)]; hint != "" {
		return hint
	}
	switch shape {
	case "", "spec", "spec.task", "spec.task.container":
	default:
		return ""
	}
	if why := absent[name]; why != "" {
		return why
	}
	hint := moved[name]
	target, _, _ := strings.Cut(hint, " ")
	target = strings.TrimSuffix(target, ",")
	if hint == "" || target == join(shape, name) || !hasField(root, target) {
		return ""
	}
	return "use " + hint
}

// typeHints explain a value of the wrong type, by the field's shape.
var typeHints = map[string]struct {
	when string // the first bytes that the value may have: " text, 0 a number, t a boolean, { or [
	hint string
}{
	"spec.task.command": {`"`, "a shell command line goes into spec.task.shell"},
	"spec.task.shell": {`["t`,
		"shell is a command line; a program with its arguments goes into spec.task.command as a list"},
	"spec.task.args":    {`"`, "each argument is one element"},
	"spec.task.env":     {`{`, "write - {name: NAME, value: VALUE}, in order"},
	"spec.env":          {`{`, "write - {name: NAME, value: VALUE}, in order"},
	"spec.task.fetch":   {`"{`, "write - {uri: ADDRESS}"},
	"spec.task.fetch[]": {`"`, "write - {uri: ADDRESS}"},
	"spec.task.constraints[]": {`[`,
		"write - {attribute: rack, operator: Like, value: \"rack-[1-3]\"} for [rack, LIKE, \"rack-[1-3]\"]"},
	"spec.task.constraints":          {`{`, "write - {attribute: rack, operator: Equals, value: r1}"},
	"spec.task.constraints[].value":  {`[`, "write the values in one text, separated by commas"},
	"spec.task.container":            {`"[`, "write container: {type: Docker, image: IMAGE}"},
	"spec.task.executor":             {`"`, "write executor: {command: COMMAND}"},
	"spec.task.container.network":    {`"`, "write network: {mode: Bridge}"},
	"spec.task.container.parameters": {`{`, "write - {key: KEY, value: VALUE}"},

	"spec.task.container.volumes[].external.options": {`[`, "write options: {KEY: VALUE} for Chronos's [{key: KEY, value: VALUE}]"},
	"spec.task.healthCheck.command":                  {`[{`, "write a shell command line"},
	"spec.task.executor.command":                     {`[`, "write a shell command line"},
	"spec.task.env[].secret":                         {`"`, "write secret: {name: NAME, key: KEY}"},
	"spec.retries":                                   {`0"`, "the number of extra attempts goes into spec.retries.limit"},
	"spec.dependsOn":                                 {`"{`, "write - {job: NAME}"},
	"spec.dependsOn[]":                               {`"`, "write - {job: NAME}"},
	"spec.schedule":                                  {`[`, "several expressions stand in one text, one a line (schedule: |)"},
	"spec.calendars":                                 {`"[`, "write calendars: {exclude: [NAME]} or {only: [NAME]}"},
	"spec.calendars.exclude":                         {`"{`, "write [NAME]: a list of the names of Calendars"},
	"spec.calendars.only":                            {`"{`, "write [NAME]: a list of the names of Calendars"},
	"spec.dates":                                     {`"{`, "write a list: dates: [2026-12-25]"},
	"spec.weekdays":                                  {`"`, "write a list: weekdays: [SAT, SUN]"},
	"spec.ics":                                       {`{[`, "the text of an iCalendar file goes here as it is (ics: |)"},
	"spec.owner":                                     {`[`, "several addresses stand in one text, separated by commas"},
	"spec.notify":                                    {`"{`, "write - {to: ADDRESS, on: [Failed]}"},
	"spec.notify[]":                                  {`"`, "write - {to: ADDRESS, on: [Failed]}"},
	"spec.async":                                     {`t`, "write async: {timeout: 6h}"},
	"spec.unreachable":                               {`"`, "write unreachable: {after: 15m, then: Replace}"},
	"spec.history":                                   {`0`, "write history: {succeeded: 10, failed: 10}"},
	"spec.priority":                                  {`"t`, "Chronos's highPriority is 1000"},
	"spec.concurrencyPolicy":                         {`t`, "Chronos's concurrent: true is Allow, false is Forbid"},
	"metadata.labels":                                {`[`, "write labels: {NAME: VALUE}"},
	"metadata.annotations":                           {`[`, "write annotations: {NAME: VALUE}"},
	"spec.task.labels":                               {`[`, "write labels: {NAME: VALUE}"},
}

// typeHint returns what explains a value of the wrong type.
func typeHint(shape string, raw []byte) string {
	h := typeHints[shape]
	first := raw[0]
	switch {
	case first == '-' || first >= '0' && first <= '9':
		first = '0'
	case first == 'f':
		first = 't'
	}
	if h.hint == "" || strings.IndexByte(h.when, first) < 0 {
		return ""
	}
	return h.hint
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

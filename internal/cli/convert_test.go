package cli

import (
	"strings"
	"testing"
)

const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: data, labels: {team: web}}
spec:
  schedule: "*/5 * * * *"
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 90
  jobTemplate:
    spec:
      backoffLimit: 4
      activeDeadlineSeconds: 600
      template:
        spec:
          restartPolicy: OnFailure
          serviceAccountName: reporter
          containers:
          - name: main
            image: busybox:1.36
            imagePullPolicy: IfNotPresent
            command: [sh, -c, "date; echo hello"]
            env:
            - {name: MODE, value: fast}
            - name: PASSWORD
              valueFrom: {secretKeyRef: {name: db, key: password}}
            resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {cpu: "1"}}
          - name: sidecar
            image: proxy:1
status: {lastScheduleTime: "2026-11-22T00:00:00Z"}
`

const metronome = `{"id": "prod.example.whoami", "description": "says who", "labels": {"location": "olympus"},
 "run": {"cmd": "env && sleep 3", "cpus": 0.5, "mem": 32, "disk": 0, "gpus": 0, "user": "root", "maxLaunchDelay": 3600,
  "docker": {"image": "foo/bla:test"}, "env": {"MON": "test", "SECRET": {"secret": "s0"}}, "restart": {"policy": "NEVER", "activeDeadlineSeconds": 120},
  "artifacts": [{"uri": "http://foo.test.com/application.zip", "extract": true}], "placement": {"constraints": [{"attribute": "rack", "operator": "EQ", "value": "r2"}]}},
 "schedules": [{"id": "sleep", "cron": "0 0 * * *", "timezone": "Etc/GMT", "concurrencyPolicy": "FORBID", "enabled": false, "startingDeadlineSeconds": 60}]}
`

const crontab = `# edited by hand
MAILTO=ops@example.com
CRON_TZ=Europe/Berlin
PATH=/usr/local/bin:/usr/bin:/bin
*/10 * * * MON-FRI root /usr/local/bin/sync --all
@daily www backup -d "$(date +\%F)"
@reboot root start
30 4 * * * root mail -s done ops%The text
61 * * * * root never
`

// TestConvert: what each scheduler's job becomes, and what is listed as lost.
func TestConvert(t *testing.T) {
	h := build(t)
	for name, file := range map[string]string{
		"convert-kubernetes": h.file("cronjob.yaml", cronJob+"---\n"+strings.ReplaceAll(`apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {ttlSecondsAfterFinished: 100, parallelism: 3, template: {spec: {containers: [{name: a, image: a, args: [x]}]}}}
`, "\t", "")),
		"convert-metronome": h.file("metronome.json", metronome),
		"convert-crontab":   h.file("jobs.crontab", crontab),
	} {
		line := "convert -f " + file
		if strings.HasSuffix(file, "crontab") {
			line += " --users"
		}
		r := h.run(line)
		if r.code != ExitDone {
			t.Errorf("%s: exit %d", name, r.code)
		}
		golden(t, name, strings.ReplaceAll(r.out+"--- stderr\n"+r.err, h.env["HOME"], "HOME"))
		for doc := range strings.SplitSeq(r.out, "---\n") { // the server takes what is not listed as to be mended
			if strings.Contains(r.err, "must be mended") && strings.Contains(doc, "61 * * * *") {
				continue
			}
			if r := h.apply(doc); r.code != ExitDone {
				t.Errorf("%s: %s\n%s", name, r.err, doc)
			}
		}
	}
}

func TestForeignManifestsAreRecognised(t *testing.T) {
	h := build(t)
	for doc, want := range map[string]string{
		cronJob:   "this is a Kubernetes CronJob: `horae convert -f FILE` makes a Job of it",
		metronome: "this is a job of Metronome: `horae convert -f FILE` makes a Job of it",
		`{"name": "a", "schedule": "R/2026-01-01T00:00:00Z/P1D", "command": "true"}`:         "this is a job of Chronos: a Job of Horae has",
		"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {}}}": "this is a Kubernetes Job:",
	} {
		if r := h.apply(doc); r.code != ExitFailed || !strings.Contains(r.err, want) {
			t.Errorf("exit %d %s, want %q", r.code, r.err, want)
		}
	}
	for _, doc := range []string{"", "{}", "apiVersion: v1\nkind: Pod\n", "[1]", "a b c"} {
		if r := h.runWith(t.Context(), doc, "convert", "-f", "-"); r.code != ExitFailed || r.out != "" || r.err == "" {
			t.Errorf("%q: exit %d %q %q", doc, r.code, r.out, r.err)
		}
	}
}

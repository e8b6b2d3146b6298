package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"horae/api"
	"horae/internal/convert"
	"horae/internal/schedule"
)

// converter is the state of one `horae convert`.
type converter struct {
	*cli
	manifests
	users bool
	// seen are the names of the Jobs so far, with where they came from.
	seen map[string]string
	docs int
}

func (c *cli) convertCommand() *cobra.Command {
	v := &converter{cli: c, seen: map[string]string{}}
	cmd := &cobra.Command{
		Use: "convert -f FILE", Short: "Make Jobs of what other schedulers run", Args: noArgs,
		Long: `Turn CronJobs and Jobs of Kubernetes, jobs of Metronome (DC/OS), and crontabs into Jobs, and
write them to the standard output as YAML. What could not be carried over is listed on
the error stream. No manager is needed. Look through the Jobs before you apply them.`,
		Example: example(`
horae convert -f cronjob.yaml > job.yaml
crontab -l | horae convert -f -
horae convert -f /etc/crontab --users`),
		RunE: func(cmd *cobra.Command, _ []string) error { return v.run(cmd.Context()) },
	}
	v.fileFlags(cmd)
	cmd.Flags().BoolVar(&v.users, "users", false, "each line of a crontab names its user, as in /etc/crontab")
	return cmd
}

func (v *converter) run(ctx context.Context) error {
	if len(v.paths) == 0 {
		return usagef("what to convert must be given: -f FILE")
	}
	var failed error
	for _, path := range v.paths {
		files, err := v.files(path)
		if err != nil {
			v.reportAbout(path, err)
			failed = errReported
		}
		for _, file := range files {
			if err := v.file(ctx, file); err != nil {
				v.reportAbout(file, err)
				failed = errReported
			}
		}
	}
	return failed
}

func (v *converter) file(ctx context.Context, name string) error {
	data, err := v.readAll(ctx, name)
	if err != nil {
		return err
	}
	if convert.IsCrontab(string(data)) {
		prefix := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		if name == "-" {
			prefix = "cron"
		}
		for _, r := range convert.Crontab(string(data), prefix, v.users) {
			if err := v.write(r, name); err != nil {
				return err
			}
		}
		return nil
	}
	parts := splitDocuments(data)
	if len(parts) == 0 {
		return errNoObjects
	}
	var failed error
	for i, part := range parts {
		source := name
		if len(parts) > 1 {
			source = fmt.Sprintf("%s (document %d, line %d)", name, i+1, part.line)
		}
		if err := v.document(part.data, source); err != nil {
			v.reportAbout(source, err)
			failed = errReported
		}
	}
	return failed
}

func (v *converter) document(data []byte, source string) error {
	doc, err := decodeMapping(data)
	if err != nil {
		return err
	}
	items := []any{doc}
	if list, ok := doc["items"].([]any); ok && doc["kind"] == "List" {
		items = list
	}
	for _, item := range items {
		one, ok := item.(map[string]any)
		if !ok {
			return errors.New("an item of the list is no object")
		}
		r, err := convert.Document(one)
		if err != nil {
			return err
		}
		if err := v.write(r, source); err != nil {
			return err
		}
	}
	return nil
}

// write prints a Job, and what was lost.
func (v *converter) write(r *convert.Result, source string) error {
	metadata, _ := r.Job["metadata"].(map[string]any)
	key := fmt.Sprint(metadata["namespace"], "/", r.Name())
	if first, twice := v.seen[key]; twice {
		r.Lost = append(r.Lost, "the Job of "+first+" has the same name: rename one of them")
	}
	v.seen[key] = source
	if err := checkSchedule(r.Job); err != nil {
		r.Lost = append(r.Lost, "the Job must be mended: "+err.Error())
	}
	data, err := json.Marshal(r.Job)
	if err == nil {
		data, err = jsonToYAML(data)
	}
	if err != nil {
		return fmt.Errorf("encode the Job: %w", err)
	}
	if v.docs++; v.docs > 1 {
		v.printf("---\n")
	}
	v.printf("%s", data)
	for _, lost := range r.Lost {
		fmt.Fprintf(v.Err, "Warning: %s: job %s: %s\n", source, r.Name(), strings.ReplaceAll(lost, "\n", " "))
	}
	return nil
}

// checkSchedule reads the schedule of a converted Job, as the server will.
func checkSchedule(job map[string]any) error {
	spec, _ := job["spec"].(map[string]any)
	text, _ := spec["schedule"].(string)
	zone, _ := spec["timeZone"].(string)
	if text == "" {
		return nil
	}
	location, err := schedule.LoadLocation(zone)
	if err == nil {
		_, err = schedule.Parse(text, schedule.Options{Location: location})
	}
	return err
}

// foreign explains what to do with a document of another scheduler; nil if it is none.
func foreign(doc map[string]any) error {
	switch what := convert.Foreign(doc); what {
	case "":
		return nil
	case "a job of Chronos":
		return fmt.Errorf("this is %s: a Job of Horae has apiVersion: horae/v1, kind: Job, metadata and spec", what)
	default:
		return fmt.Errorf("this is %s: `horae convert -f FILE` makes a Job of it", what)
	}
}

// decodeMapping reads a document of any kind.
func decodeMapping(data []byte) (map[string]any, error) {
	raw, err := api.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, errors.New("must be a mapping with apiVersion, kind, metadata and spec")
	}
	return fields, nil
}

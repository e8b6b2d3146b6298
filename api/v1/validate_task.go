package v1

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func validateTask(t *TaskSpec, path *field.Path) field.ErrorList {
	errs := validateWhatRuns(t, path)
	if t.User != "" && !userName.MatchString(t.User) {
		errs = append(errs, field.Invalid(path.Child("user"), t.User, "must be the name of a user on the agents"))
	}
	errs = append(errs, validateEnv(t.Env, path.Child("env"))...)
	errs = append(errs, validateFetch(t.Fetch, path.Child("fetch"))...)
	errs = append(errs, validateResources(&t.Resources, path.Child("resources"))...)
	errs = append(errs, invalid(path.Child("role"), t.Role, isRole(t.Role))...)
	errs = append(errs, validateConstraints(t.Constraints, path.Child("constraints"))...)
	errs = append(errs, oneOf(path.Child("placement"), t.Placement, PlacementPack, PlacementSpread)...)
	if t.Container != nil {
		errs = append(errs, validateContainer(t.Container, t.Resources.Ports, path.Child("container"))...)
		errs = append(errs, validateInDocker(t, path)...)
	}
	if e := t.Executor; e != nil {
		errs = append(errs, validateExecutor(e, path.Child("executor"))...)
	}
	errs = append(errs, notNegative(path.Child("killGracePeriod"), t.KillGracePeriod)...)
	if t.HealthCheck != nil {
		errs = append(errs, validateHealthCheck(t, path.Child("healthCheck"))...)
	}
	for name := range t.Labels {
		if strings.TrimSpace(name) == "" {
			errs = append(errs, field.Invalid(path.Child("labels"), name, "a label needs a name"))
		}
	}
	return errs
}

// validateInDocker refuses what Mesos's Docker containerizer does not support.
func validateInDocker(t *TaskSpec, path *field.Path) field.ErrorList {
	if t.Container.Type != ContainerDocker {
		return nil
	}
	errs := noSecrets(t.Env, path.Child("env"))
	if t.Shell == "" && len(t.Command) == 0 && t.Executor == nil {
		return errs // the image's own command, whose entry point may be another
	}
	for i, p := range t.Container.Parameters {
		if p.Key == "entrypoint" {
			errs = append(errs, field.Forbidden(path.Child("container", "parameters").Index(i).Child("key"),
				"entrypoint cannot be given beside shell, command or executor: they run in its place"))
		}
	}
	return errs
}

// noSecrets: Mesos resolves secrets for its own containerizer only; in Docker the variable would be empty.
func noSecrets(env []EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range env {
		if env[i].Secret != nil {
			errs = append(errs, field.Forbidden(path.Index(i).Child("secret"),
				"Mesos resolves no secrets for Docker containers; use container type Mesos"))
		}
	}
	return errs
}

// validateWhatRuns checks that a task has exactly one of shell, command, the image's own command, and executor.
func validateWhatRuns(t *TaskSpec, path *field.Path) field.ErrorList {
	var given []string
	for _, way := range []struct {
		name string
		is   bool
	}{{"shell", t.Shell != ""}, {"command", len(t.Command) > 0}, {"executor", t.Executor != nil}} {
		if way.is {
			given = append(given, way.name)
		}
	}
	var errs field.ErrorList
	ownCommand := t.Container != nil && t.Container.Image != ""
	switch {
	case len(given) > 1:
		errs = append(errs, field.Forbidden(path.Child(given[1]),
			fmt.Sprintf("give one of shell, command and executor, not %s", strings.Join(given, " and "))))
	case len(given) == 0 && !ownCommand:
		errs = append(errs, field.Required(path, "say what runs: shell, command, executor, or a container image with a command of its own"))
	}
	if t.Shell != "" && strings.TrimSpace(t.Shell) == "" {
		errs = append(errs, field.Invalid(path.Child("shell"), t.Shell, "must not be blank"))
	}
	if len(t.Args) > 0 && (t.Shell != "" || t.Executor != nil) {
		errs = append(errs, field.Forbidden(path.Child("args"),
			"belong to command or to an image's own command; a shell line holds its arguments itself"))
	}
	if len(t.Command) > 0 && t.Command[0] == "" {
		errs = append(errs, field.Required(path.Child("command").Index(0), "the program to execute"))
	}
	errs = append(errs, noNUL(path.Child("shell"), t.Shell)...)
	errs = append(errs, argument(path.Child("shell"), len(t.Shell))...)
	for _, list := range []struct {
		name  string
		texts []string
	}{{"command", t.Command}, {"args", t.Args}} {
		for i, s := range list.texts {
			at := path.Child(list.name).Index(i)
			errs = append(errs, noNUL(at, s)...)
			errs = append(errs, argument(at, len(s))...)
		}
	}
	return errs
}

// userName matches names that getpwnam may know, including those of directory services (user@domain, DOMAIN\user).
var userName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,254}\$?$`)

// chronosEnv are the variables that Chronos gave to a task and that job values never override (MesosTaskBuilder).
var chronosEnv = []string{
	"mesos_task_id", "MESOS_TASK_ID", "CHRONOS_JOB_OWNER", "CHRONOS_JOB_NAME", "HOST", "CHRONOS_RESOURCE_MEM",
	"CHRONOS_RESOURCE_CPU", "CHRONOS_RESOURCE_DISK", "CHRONOS_JOB_RUN_TIME", "CHRONOS_JOB_RUN_ATTEMPT",
}

var portEnv = regexp.MustCompile(`^PORT(S|[0-9]+)$`)

func validateEnv(env []EnvVar, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, v := range env {
		at := path.Index(i)
		switch {
		case v.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case slices.Contains(chronosEnv, v.Name) || strings.HasPrefix(v.Name, "HORAE_"):
			errs = append(errs, field.Forbidden(at.Child("name"), v.Name+" is set by Horae for every attempt and cannot be given"))
		case portEnv.MatchString(v.Name):
			errs = append(errs, field.Forbidden(at.Child("name"), v.Name+" is set by Horae to ports of the task and cannot be given"))
		default:
			errs = append(errs, invalid(at.Child("name"), v.Name, validation.IsEnvVarName(v.Name))...)
		}
		errs = append(errs, noNUL(at.Child("value"), v.Value)...)
		errs = append(errs, variable(at, &v)...)
		if v.Secret == nil {
			continue
		}
		if v.Value != "" {
			errs = append(errs, field.Forbidden(at.Child("secret"), "give value or secret, not both"))
		}
		if v.Secret.Name == "" {
			errs = append(errs, field.Required(at.Child("secret", "name"), ""))
		}
	}
	return errs
}

// fetchSchemes are those that Mesos's fetcher reads itself, and those that it commonly passes to the agent's Hadoop
// client.
var fetchSchemes = []string{
	"http", "https", "ftp", "ftps", "file",
	"hdfs", "webhdfs", "swebhdfs", "viewfs", "hftp", "s3", "s3a", "s3n", "gs", "abfs", "abfss", "wasb", "wasbs", "maprfs", "alluxio",
}

func validateFetch(list []FetchURI, path *field.Path) field.ErrorList {
	errs := validateFetcherInfo(list, path)
	for i, f := range list {
		at := path.Index(i)
		if f.URI == "" {
			errs = append(errs, field.Required(at.Child("uri"), ""))
		} else {
			errs = append(errs, invalid(at.Child("uri"), f.URI, isFetchURI(f.URI, f.OutputFile))...)
		}
		errs = append(errs, invalid(at.Child("outputFile"), f.OutputFile, isOutputFile(f.OutputFile))...)
		if f.Cache && !f.Executable && (f.Extract == nil || *f.Extract) && strings.HasSuffix(f.URI, ".gz") &&
			!strings.HasSuffix(f.URI, ".tar.gz") {
			errs = append(errs, field.Forbidden(at.Child("cache"),
				"Mesos unpacks a .gz file of its cache under a name of the cache's own; set extract: false and "+
					"unpack it in the task, or do not cache it"))
		}
	}
	return errs
}

// illegalInFetch are the characters that Mesos's fetcher refuses, and those that an address never has.
func illegalInFetch(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r == '\'' || r < ' ' || r == 0x7f })
}

// isFetchURI checks addresses as Mesos's fetcher reads them: by the text of the scheme, and by what follows the last
// slash.
func isFetchURI(uri, outputFile string) []string {
	if illegalInFetch(uri) || strings.ContainsRune(uri, ' ') {
		return []string{`must not contain spaces, control characters, \ or '`}
	}
	if strings.HasPrefix(uri, "/") {
		return nil // a file on the agent
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return []string{"must be an address such as https://repo.example.com/job.tgz, or the absolute path of a file on the agents"}
	}
	scheme, rest, _ := strings.Cut(uri, "://")
	host, path, _ := strings.Cut(rest, "/")
	switch {
	case !slices.Contains(fetchSchemes, u.Scheme):
		return []string{"must have one of the schemes " + strings.Join(fetchSchemes, ", ")}
	case scheme != u.Scheme:
		return []string{"must begin with " + u.Scheme + "://, in lower case"}
	case u.Host == "" && slices.Contains([]string{"http", "https", "ftp", "ftps"}, scheme):
		return []string{"must name a host"}
	case scheme == "file" && host != "" && host != "localhost":
		return []string{"must be the absolute path of a file on the agents, as file:///path"}
	case path == "":
		return []string{"must name a file"}
	case outputFile == "" && strings.HasSuffix(path, "/"):
		return []string{"must end in the name of a file; or give outputFile"}
	}
	return nil
}

func isOutputFile(name string) []string {
	switch {
	case name == "":
		return nil
	case illegalInFetch(name):
		return []string{`must not contain control characters, \ or '`}
	case path.IsAbs(name), slices.Contains(strings.Split(name, "/"), ".."):
		return []string{"must be a path in the sandbox: relative and without .."}
	case strings.HasSuffix(name, "/"), path.Clean(name) == ".":
		return []string{"must name a file"}
	}
	return nil
}

// Bounds of resources. Mesos counts cpus to three decimals and accepts no less than a hundredth (MIN_CPUS). It counts
// memory and disk in megabytes.
const (
	maxCPUs      = 100_000
	minMilliCPUs = 10
	minBytes     = 1 << 20
	maxBytes     = 1 << 50
	maxCount     = 1000
)

// validateResources reads only whole numbers from quantities: comparing them may change how they are stored, and the
// object may be shared (I8).
func validateResources(r *Resources, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if q := r.CPUs; q != nil {
		switch milli := q.MilliValue(); { // rounded up, and wrong beyond the bounds
		case above(q, maxCPUs) || q.Sign() < 0 || milli < minMilliCPUs:
			errs = append(errs, field.Invalid(path.Child("cpus"), text(q), "must be between 0.01 and 100000"))
		case !sameAs(q.DeepCopy(), milli):
			errs = append(errs, field.Invalid(path.Child("cpus"), text(q), "must have at most three decimals"))
		}
	}
	errs = append(errs, validateBytes(r.Memory, false, path.Child("memory"))...)
	errs = append(errs, validateBytes(r.Disk, true, path.Child("disk"))...)
	errs = append(errs, inRange(path.Child("gpus"), r.GPUs, 0, maxCount)...)
	return append(errs, inRange(path.Child("ports"), r.Ports, 0, maxCount)...)
}

func sameAs(q resource.Quantity, milli int64) bool {
	return q.Cmp(*resource.NewMilliQuantity(milli, resource.DecimalSI)) == 0
}

func validateBytes(q *resource.Quantity, zero bool, path *field.Path) field.ErrorList {
	switch {
	case q == nil, zero && q.IsZero():
		return nil
	case above(q, maxBytes):
		return field.ErrorList{field.Invalid(path, text(q), "must be at most 1Pi")}
	case q.Value() < minBytes:
		return field.ErrorList{field.Invalid(path, text(q), "must be at least 1Mi; a plain number means bytes: write 128Mi, not 128")}
	}
	return nil
}

// above compares a copy, because comparing may change how a quantity is stored. Its Value would be wrong beyond 64
// bits.
func above(q *resource.Quantity, limit int64) bool {
	c := q.DeepCopy()
	return c.CmpInt64(limit) > 0
}

// text returns a quantity's text from a copy, because String stores it in the quantity.
func text(q *resource.Quantity) string {
	c := q.DeepCopy()
	return c.String()
}

// isRole checks as Mesos does (src/common/roles.cpp).
func isRole(role string) []string {
	if role == "" || role == "*" {
		return nil
	}
	if strings.ContainsAny(role, " \t\n\v\f\r\b\x7f") {
		return []string{"must not contain white space"}
	}
	for part := range strings.SplitSeq(role, "/") {
		switch {
		case part == "":
			return []string{"must not begin or end with / or contain //"}
		case part == "." || part == ".." || part == "*":
			return []string{"must not have a part that is ., .. or *"}
		case strings.HasPrefix(part, "-"):
			return []string{"must not have a part that begins with -"}
		}
	}
	return nil
}

func validateExecutor(e *Executor, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if strings.TrimSpace(e.Command) == "" {
		errs = append(errs, field.Required(path.Child("command"), ""))
	}
	errs = append(errs, noNUL(path.Child("command"), e.Command)...)
	errs = append(errs, argument(path.Child("command"), len(e.Command))...)
	return append(errs, validateFetch(e.Fetch, path.Child("fetch"))...)
}

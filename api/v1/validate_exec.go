package v1

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What Linux accepts when it executes a program, with pages of 4 KiB and the usual limit on the stack.
const (
	// MaxArgument is the length of one argument, or of one variable as NAME=value (MAX_ARG_STRLEN, less the NUL at
	// its end).
	MaxArgument = 128<<10 - 1
	// maxExecution is the length of all arguments and variables together (a quarter of the stack), less room for the
	// variables that Horae, Mesos and the agent add.
	maxExecution = 2<<20 - 256<<10
	// perArgument is what each of them takes besides its text: the NUL, and a pointer.
	perArgument = 1 + 8
)

// argument checks the length of a text that becomes one argument of a program.
func argument(path *field.Path, size int) field.ErrorList {
	if size <= MaxArgument {
		return nil
	}
	return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf(
		"has %d bytes, and Linux gives a program at most %d in one argument; put more into a file, and fetch it", size, MaxArgument))}
}

// variable checks the length of a variable of the environment.
func variable(path *field.Path, v *EnvVar) field.ErrorList {
	size := len(v.Name) + len("=") + len(v.Value)
	if size <= MaxArgument {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("value"), field.OmitValueType{}, fmt.Sprintf(
		"has %d bytes as NAME=value, and Linux takes at most %d in one variable; put more into a file, and fetch it", size, MaxArgument))}
}

// validateExecution checks the length of all that a program is executed with: the task's own arguments and variables,
// and those that a Run adds.
func validateExecution(t *TaskSpec, args []string, env []EnvVar, path *field.Path) field.ErrorList {
	size := 0
	add := func(texts ...string) {
		for _, s := range texts {
			size += len(s) + perArgument
		}
	}
	add(t.Shell)
	add(t.Command...)
	add(t.Args...)
	add(args...)
	for _, list := range [][]EnvVar{t.Env, env} {
		for i := range list {
			size += len(list[i].Name) + len(list[i].Value) + 1 + perArgument
		}
	}
	if size <= maxExecution {
		return nil
	}
	return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf(
		"its arguments and variables take %d bytes together, and there is room for %d when a program is executed", size, maxExecution))}
}

// validateShellLine checks the length of a shell line with the quoted arguments that are appended to it.
func validateShellLine(shell string, args []string, path *field.Path) field.ErrorList {
	if shell == "" || len(args) == 0 {
		return nil
	}
	size := len(shell)
	for _, arg := range args {
		size += len(" ''") + len(arg) + 3*strings.Count(arg, "'")
	}
	return argument(path, size)
}

// maxFetcherInfo: Mesos passes the whole list to its fetcher in one environment variable, as JSON, with so many bytes
// besides each entry's texts.
const (
	maxFetcherInfo = MaxArgument - 4<<10
	perFetch       = 200
)

func validateFetcherInfo(list []FetchURI, path *field.Path) field.ErrorList {
	size := 0
	for i := range list {
		size += len(list[i].URI) + len(list[i].OutputFile) + perFetch
	}
	if size <= maxFetcherInfo {
		return nil
	}
	return field.ErrorList{field.Invalid(path, field.OmitValueType{}, fmt.Sprintf(
		"takes %d bytes, and Mesos's fetcher gets at most %d; fetch an archive", size, maxFetcherInfo))}
}

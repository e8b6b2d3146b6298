package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "horae/api/v1"
)

// EditVariable of a task's environment holds the number of the Job's last edit.
const EditVariable = "EDIT"

// Script is the measuring device: a shell script that writes down what it runs for and when, sleeps, and writes down when that
// ended. Each task has a file of its own, also a second one of the same ID: its name holds the ID and the process, and set -C
// has the shell refuse a file that exists. The first lines come in one write. A flaky one
// ends with an error in odd attempts. One of an asynchronous Job leaves what its callback needs, last of all.
func Script(dir string, j *Job) string {
	end, call := "", ""
	if j.Async {
		call = fmt.Sprintf("printf '%%s\\n' \"$HORAE_CALLBACK_URL\" \"$HORAE_CALLBACK_TOKEN\" > %s/$HORAE_TASK_ID.$$\n", CallsDir(dir))
	}
	if j.Flaky {
		end = "exit $((HORAE_ATTEMPT % 2))\n"
	}
	return fmt.Sprintf(`set -C
file=%s/$HORAE_TASK_ID.$$
printf '%%s\n' "$HORAE_JOB" "$HORAE_RUN" "$HORAE_ATTEMPT" "$HORAE_REASON" "$HORAE_SCHEDULED_TIME" "$%s" "$HORAE_PARENTS" \
  "$(date -u +%%FT%%T.%%NZ)" > "$file"
sleep %s
date -u +%%FT%%T.%%NZ >> "$file"
%s%s`, dir, EditVariable, strconv.FormatFloat(j.Duration.Seconds(), 'f', -1, 64), call, end)
}

// CallsDir is where tasks leave what their callbacks need, beside the directory of the witnesses.
func CallsDir(dir string) string { return filepath.Join(filepath.Dir(dir), "calls") }

// TaskOf is the task that has left a file: its name holds the ID and the process.
func TaskOf(file string) string {
	task, _, _ := cutLast(file, ".")
	return task
}

// lines of a witness's file.
const (
	lineJob = iota
	lineRun
	lineAttempt
	lineReason
	lineNominal
	lineEdit
	lineParents
	lineStart
	lineEnd
)

// ReadWitnesses reads what the tasks have written so far. A file without its first lines is only counted.
func ReadWitnesses(dir string) (all []Witness, unreadable int, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("read what the tasks left: %w", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, 0, fmt.Errorf("read what the tasks left: %w", err)
		}
		if len(text) == 0 {
			unreadable++
			continue
		}
		w, err := parseWitness(f.Name(), string(text))
		if err != nil {
			return nil, 0, err
		}
		all = append(all, w)
	}
	return all, unreadable, nil
}

func parseWitness(file, text string) (w Witness, err error) {
	line := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(line) != lineEnd && len(line) != lineEnd+1 {
		return w, fmt.Errorf("%s has %d lines, want %d or %d", file, len(line), lineEnd, lineEnd+1)
	}
	task, _, _ := cutLast(file, ".")
	w = Witness{File: file, Task: task, Job: line[lineJob], Run: line[lineRun], Reason: v1.RunReason(line[lineReason]),
		Parents: line[lineParents]}
	if w.Attempt, err = strconv.Atoi(line[lineAttempt]); err != nil {
		return w, fmt.Errorf("%s: attempt: %w", file, err)
	}
	if w.Edit, err = strconv.Atoi(line[lineEdit]); err != nil {
		return w, fmt.Errorf("%s: edit: %w", file, err)
	}
	if line[lineNominal] != "" {
		if w.Nominal, err = time.Parse(time.RFC3339Nano, line[lineNominal]); err != nil {
			return w, fmt.Errorf("%s: scheduled time: %w", file, err)
		}
	}
	if w.Start, err = time.Parse(time.RFC3339Nano, line[lineStart]); err != nil {
		return w, fmt.Errorf("%s: start: %w", file, err)
	}
	if len(line) > lineEnd {
		if w.End, err = time.Parse(time.RFC3339Nano, line[lineEnd]); err != nil {
			return w, fmt.Errorf("%s: end: %w", file, err)
		}
	}
	return w, nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

package cli

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tell writes an error to the error stream as kubectl does.
func (c *cli) tell(err error) { fmt.Fprintln(c.Err, c.sentence(err)) }

// tellAbout is tell with the thing that the error is about before it.
func (c *cli) tellAbout(what string, err error) {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		fmt.Fprintf(c.Err, "%s: %s\n", what, c.sentence(err))
		return
	}
	if !errors.Is(err, errTold) {
		fmt.Fprintf(c.Err, "%s: error: %v\n", what, err)
	}
}

// sentence is an error in kubectl's words, with one line for each field.
func (c *cli) sentence(err error) string {
	var apiStatus apierrors.APIStatus
	if !errors.As(err, &apiStatus) {
		return "error: " + err.Error()
	}
	st := apiStatus.Status()
	switch {
	case st.Reason == metav1.StatusReasonInvalid && st.Details != nil && len(st.Details.Causes) > 0:
		what := strings.TrimSpace(fmt.Sprintf("The %s %q is invalid", st.Details.Kind, st.Details.Name))
		return what + causes(st.Details.Causes)
	case st.Reason == metav1.StatusReasonBadRequest && st.Details != nil && len(st.Details.Causes) > 0:
		return "Error from server (BadRequest)" + causes(st.Details.Causes)
	case st.Reason != "":
		return fmt.Sprintf("Error from server (%s): %s", st.Reason, st.Message)
	}
	return "Error from server: " + st.Message
}

// causes are one after the colon, or several below each other.
func causes(list []metav1.StatusCause) string {
	lines := make([]string, len(list))
	for i, cause := range list {
		lines[i] = cause.Message
		if cause.Field != "" {
			lines[i] = cause.Field + ": " + cause.Message
		}
	}
	if len(lines) == 1 {
		return ": " + lines[0]
	}
	return ":\n* " + strings.Join(lines, "\n* ")
}

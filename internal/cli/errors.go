package cli

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// report writes an error to the error stream as kubectl does.
func (c *cli) report(err error) { fmt.Fprintln(c.Err, c.errorText(err)) }

// reportAbout is report with the subject of the error before it.
func (c *cli) reportAbout(what string, err error) {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		fmt.Fprintf(c.Err, "%s: %s\n", what, c.errorText(err))
		return
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(c.Err, "%s: error: %v\n", what, err)
	}
}

// errorText is an error as kubectl writes it, with one line for each field.
func (c *cli) errorText(err error) string {
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

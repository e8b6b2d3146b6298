package v1

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func validateHealthCheck(t *TaskSpec, path *field.Path) field.ErrorList {
	h := t.HealthCheck
	var errs field.ErrorList
	if t.Executor != nil {
		errs = append(errs, field.Forbidden(path, "a custom executor checks for itself"))
	}
	kinds := 0
	if h.Command != "" {
		kinds++
		errs = append(errs, noNUL(path.Child("command"), h.Command)...)
		errs = append(errs, argument(path.Child("command"), len(h.Command))...)
	}
	if h.HTTP != nil {
		kinds++
		at := path.Child("http")
		errs = append(errs, validateCheckPort(t, h.HTTP.Port, h.HTTP.PortIndex, at)...)
		if h.HTTP.Path != "" && !strings.HasPrefix(h.HTTP.Path, "/") {
			errs = append(errs, field.Invalid(at.Child("path"), h.HTTP.Path, "must begin with /"))
		}
		errs = append(errs, oneOf(at.Child("scheme"), h.HTTP.Scheme, "http", "https")...)
	}
	if h.TCP != nil {
		kinds++
		errs = append(errs, validateCheckPort(t, h.TCP.Port, h.TCP.PortIndex, path.Child("tcp"))...)
	}
	if kinds != 1 {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, "give exactly one of command, http and tcp"))
	}
	errs = append(errs, positive(path.Child("interval"), h.Interval)...)
	errs = append(errs, positive(path.Child("timeout"), h.Timeout)...)
	errs = append(errs, notNegative(path.Child("gracePeriod"), h.GracePeriod)...)
	if h.MaxFailures != nil {
		errs = append(errs, inRange(path.Child("maxFailures"), *h.MaxFailures, 1, 1000)...)
	}
	return errs
}

// validateCheckPort checks a port, or the index of one of the task's ports. Mesos checks from within the container's
// network. The task's ports are the host's, so they exist there only if the container uses the host's network.
func validateCheckPort(t *TaskSpec, port int32, index *int32, path *field.Path) field.ErrorList {
	at := path.Child("portIndex")
	switch {
	case index == nil:
		return inRange(path.Child("port"), port, 1, 65535)
	case port != 0:
		return field.ErrorList{field.Forbidden(at, "give port or portIndex, not both")}
	case *index < 0 || *index >= t.Resources.Ports:
		return field.ErrorList{field.Invalid(at, *index,
			fmt.Sprintf("must be one of the task's ports, from 0 on; resources.ports asks for %d", t.Resources.Ports))}
	case t.Container != nil && t.Container.Network != nil && t.Container.Network.Mode != "" && t.Container.Network.Mode != NetworkHost:
		return field.ErrorList{field.Forbidden(at,
			"the check is made inside of the container's network; give port, the one that the task listens on there")}
	}
	return nil
}

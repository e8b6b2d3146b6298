package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

const editHelp = `# Edit the object below. Lines that begin with '#' are left out. An empty file cancels the
# edit. When the file cannot be saved, it is opened again, with the reasons.
#
`

func (c *cli) editCommand() *cobra.Command {
	return &cobra.Command{
		Use: "edit TYPE NAME | TYPE/NAME", Short: "Change an object in an editor",
		Long: `Open an object in an editor, and save it when the editor ends.

The editor is $HORAE_EDITOR, else $KUBE_EDITOR, $VISUAL or $EDITOR, else vi. Only what you
change is sent: what others change meanwhile in other fields stays. When the server refuses
the change, the editor opens again and shows why.`,
		Example: example(`
horae edit job hello
EDITOR=nano horae edit calendar/holidays`),
		ValidArgsFunction: c.completeTargets,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.edit(cmd.Context(), args) },
	}
}

func (c *cli) edit(ctx context.Context, args []string) error {
	list, err := targets(args)
	if err != nil {
		return err
	}
	if len(list) != 1 || len(list[0].names) != 1 {
		return usagef("one object must be given: TYPE NAME or TYPE/NAME, as in job/hello")
	}
	k, name := list[0].kind, list[0].names[0]
	ns, err := c.ns()
	if err != nil {
		return err
	}
	if _, err := c.connect(); err != nil {
		return err
	}
	live, err := c.api.object(ctx, c.api.get(ns, k, name))
	if err != nil {
		return err
	}
	before, err := editable(live)
	if err != nil {
		return err
	}
	text, trouble := before, ""
	for {
		edited, file, err := c.openEditor(ctx, name, editHelp+trouble, text)
		if err != nil {
			return err
		}
		switch {
		case !hasContent(edited) || trouble == "" && bytes.Equal(edited, before):
			_ = os.Remove(file)
			fmt.Fprintln(c.Err, "Edit cancelled, no changes made.")
			return nil
		case trouble != "" && bytes.Equal(edited, text): // closed without another try
			return fmt.Errorf("the change was not saved: your file is kept in %s", file)
		}
		saved, err := c.saveEdited(ctx, ns, k, name, live, before, edited)
		switch {
		case err == nil:
			_ = os.Remove(file)
			c.printf("%s/%s %s\n", k, name, saved)
			return nil
		case !mendable(err):
			return fmt.Errorf("your file is kept in %s: %w", file, err)
		}
		_ = os.Remove(file)
		text, trouble = edited, comment(c.errorText(err))
	}
}

// mendable reports whether a person can mend a change that was refused.
func mendable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
	}
	return !isTransient(err)
}

// editable is the object as a person edits it: without the status and what each write changes.
func editable(live *unstructured.Unstructured) ([]byte, error) {
	u := live.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "status")
	return objectYAML(u)
}

// objectYAML is an object for people to read, without what each write changes and without apply's own annotation. It
// changes u.
func objectYAML(u *unstructured.Unstructured) ([]byte, error) {
	for _, field := range []string{"resourceVersion", "generation", "managedFields", "creationTimestamp", "uid"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	withoutLastApplied(u)
	data, err := json.Marshal(u.Object)
	if err == nil {
		data, err = jsonToYAML(data)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the object: %w", err)
	}
	return data, nil
}

// saveEdited sends what the person has changed, and returns what became of it.
func (c *cli) saveEdited(
	ctx context.Context, ns string, k *kind, name string, live *unstructured.Unstructured, before, edited []byte,
) (string, error) {
	was, err := decodeObject(before)
	if err != nil {
		return "", err
	}
	is, err := decodeObject(edited)
	if err != nil {
		return "", err
	}
	original, err := json.Marshal(was.Object)
	if err != nil {
		return "", err
	}
	modified, err := json.Marshal(is.Object)
	if err != nil {
		return "", err
	}
	if is.GroupVersionKind() != was.GroupVersionKind() || is.GetName() != name || is.GetNamespace() != was.GetNamespace() {
		return "", errors.New("apiVersion, kind, metadata.name and metadata.namespace cannot be changed")
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, modified, original)
	switch {
	case err != nil:
		return "", fmt.Errorf("compare the file with the object: %w", err)
	case string(patch) == "{}":
		return "unchanged", nil
	}
	after, err := c.api.object(ctx, c.api.patch(ns, k, name, patch))
	if err != nil {
		return "", err
	}
	if after.GetResourceVersion() == live.GetResourceVersion() {
		return "unchanged", nil
	}
	return "edited", nil
}

// openEditor has the person edit a text, and returns it without the lines of the head. The file stays.
func (c *cli) openEditor(ctx context.Context, name, head string, text []byte) ([]byte, string, error) {
	f, err := os.CreateTemp("", "horae-edit-"+name+"-*.yaml")
	if err != nil {
		return nil, "", fmt.Errorf("make a file to edit: %w", err)
	}
	_, err = f.Write(append([]byte(head), text...))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, "", fmt.Errorf("write %s: %w", f.Name(), err)
	}
	editor := c.editor()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", editor+` "$1"`, "sh", f.Name()) // an editor may have arguments
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.In, c.raw, c.Err
	if err := cmd.Run(); err != nil {
		return nil, "", fmt.Errorf("the editor %q failed, your file is kept in %s: %w", editor, f.Name(), err)
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return nil, "", fmt.Errorf("read what was edited: %w", err)
	}
	var kept []byte
	for line := range bytes.Lines(data) {
		if len(kept) > 0 || !bytes.HasPrefix(line, []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return kept, f.Name(), nil
}

func (c *cli) editor() string {
	for _, name := range []string{"HORAE_EDITOR", "KUBE_EDITOR", "VISUAL", "EDITOR"} {
		if v, ok := c.Env(name); ok && strings.TrimSpace(v) != "" {
			return v
		}
	}
	return "vi"
}

// comment puts a text into lines that begin with '#'.
func comment(text string) string {
	return "# " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n# ") + "\n#\n"
}

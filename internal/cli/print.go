package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

type restRequest = rest.Request

const (
	acceptTable = "application/json;as=Table;v=v1;g=meta.k8s.io"
	outputForms = "wide, json, yaml, name, jsonpath=TEMPLATE, jsonpath-file=FILE, go-template=TEMPLATE, go-template-file=FILE"
)

// objectPrinter makes the printer of a form that shows whole objects, as -o names it.
func objectPrinter(output string) (printers.ResourcePrinter, error) {
	form, arg, _ := strings.Cut(output, "=")
	if file, ok := strings.CutSuffix(form, "-file"); ok {
		data, err := os.ReadFile(arg)
		if err != nil {
			return nil, usagef("-o %s: %w", output, err)
		}
		form, arg = file, string(data)
	}
	var p printers.ResourcePrinter
	var err error
	switch form {
	case "json":
		p = &printers.JSONPrinter{}
	case "yaml":
		p = &printers.YAMLPrinter{}
	case "name":
		p = &printers.NamePrinter{}
	case "jsonpath":
		p, err = jsonPathPrinter(arg)
	case "go-template":
		p, err = printers.NewGoTemplatePrinter([]byte(arg))
	default:
		return nil, usagef("-o %s: there are %s", output, outputForms)
	}
	if err == nil && (form == "jsonpath" || form == "go-template") && arg == "" {
		err = errors.New("the template is empty")
	}
	if err != nil {
		return nil, usagef("-o %s: %w", output, err)
	}
	return p, nil
}

// jsonPathPrinter also takes the short form .a.b for {.a.b}.
func jsonPathPrinter(path string) (printers.ResourcePrinter, error) {
	if !strings.Contains(path, "{") {
		path = "{." + strings.TrimPrefix(path, ".") + "}"
	}
	p, err := printers.NewJSONPathPrinter(path)
	if err != nil {
		return nil, err
	}
	p.AllowMissingKeys(true)
	return p, nil
}

// tableFlags are what changes a table.
type tableFlags struct {
	noHeaders  bool
	showLabels bool
	showKind   bool
	sortBy     string
}

func (f *tableFlags) addTableFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "leave the headers of tables out")
	cmd.Flags().BoolVar(&f.showLabels, "show-labels", false, "show the labels in a last column")
	cmd.Flags().BoolVar(&f.showKind, "show-kind", false, "show names as TYPE/NAME")
	cmd.Flags().StringVar(&f.sortBy, "sort-by", "", "sort by a field, as in .status.nextScheduleTime")
}

// printer of tables of a kind.
func (f *tableFlags) printer(k *kind, namespaces, wide bool) printers.ResourcePrinter {
	opts := printers.PrintOptions{
		NoHeaders: f.noHeaders, WithNamespace: namespaces, Wide: wide, ShowLabels: f.showLabels,
	}
	if f.showKind {
		opts.WithKind = true
		opts.Kind.Group, opts.Kind.Kind = "horae", k.name
	}
	return printers.NewTablePrinter(opts)
}

// decodeTable reads a table and the objects of its rows, which the printer takes namespaces and labels from.
func decodeTable(body []byte) (*metav1.Table, error) {
	t := &metav1.Table{}
	if err := json.Unmarshal(body, t); err != nil {
		return nil, fmt.Errorf("decode a table: %w", err)
	}
	if t.Kind != "Table" {
		return nil, fmt.Errorf("the server sent a %s instead of a table", t.Kind)
	}
	for i := range t.Rows {
		u := &unstructured.Unstructured{}
		if err := json.Unmarshal(t.Rows[i].Object.Raw, &u.Object); err != nil {
			return nil, fmt.Errorf("decode a row of a table: %w", err)
		}
		t.Rows[i].Object.Object = u
	}
	return t, nil
}

// printValue writes a value that is no object as JSON or YAML.
func (c *cli) printValue(output string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	switch output {
	case "json":
		data = append(data, '\n')
	case "yaml":
		if data, err = yaml.JSONToYAML(data); err != nil {
			return fmt.Errorf("encode %T: %w", v, err)
		}
	default:
		return usagef("-o %s: there are json and yaml", output)
	}
	_, err = c.Out.Write(data)
	return err
}

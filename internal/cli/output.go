package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

const (
	acceptTable = "application/json;as=Table;v=v1;g=meta.k8s.io"
	outputForms = "wide, json, yaml, name, custom-columns=HEADER:PATH,..., jsonpath=TEMPLATE, go-template=TEMPLATE; " +
		"of the last three also with -file=FILE"
)

// objectPrinter makes the printer of a form that shows whole objects, as -o names it; headers are those of custom columns.
// Templates are for scripts, which need values as they are: their output is not escaped.
func (c *cli) objectPrinter(output string, headers bool) (func(runtime.Object) error, error) {
	out := c.Out
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
		p = &printers.OmitManagedFieldsPrinter{Delegate: &printers.JSONPrinter{}}
	case "yaml":
		p = &printers.OmitManagedFieldsPrinter{Delegate: &yamlPrinter{}}
	case "name":
		p = &printers.NamePrinter{}
	case "jsonpath":
		out = c.raw
		p, err = jsonPathPrinter(arg)
	case "custom-columns":
		p, err = newColumnPrinter(arg, headers)
	case "go-template":
		out = c.raw
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
	return func(o runtime.Object) error { return p.PrintObj(o, out) }, nil
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

// yamlPrinter separates what it prints by "---".
type yamlPrinter struct{ printed bool }

func (p *yamlPrinter) PrintObj(o runtime.Object, w io.Writer) error {
	data, err := json.Marshal(o)
	if err == nil {
		data, err = jsonToYAML(data)
	}
	if err != nil {
		return fmt.Errorf("encode %T: %w", o, err)
	}
	if p.printed {
		data = append([]byte("---\n"), data...)
	}
	p.printed = true
	_, err = w.Write(data)
	return err
}

// jsonToYAML first escapes the control characters that JSON may hold unescaped and YAML may not.
func jsonToYAML(data []byte) ([]byte, error) {
	return yaml.JSONToYAML([]byte(escapeControls(string(data))))
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
		if data, err = jsonToYAML(data); err != nil {
			return fmt.Errorf("encode %T: %w", v, err)
		}
	default:
		return usagef("-o %s: there are json and yaml", output)
	}
	_, err = c.Out.Write(data)
	return err
}

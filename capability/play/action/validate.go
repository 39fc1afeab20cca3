package action

import (
	"fmt"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/value"
)

// validateArgumentSpec checks variables against a role's argument specification.
func validateArgumentSpec(t *Task) (*value.Dict, error) {
	if err := t.check("argument_spec", "provided_arguments", "validate_args_context"); err != nil {
		return nil, err
	}
	raw, ok := t.Args.Str("argument_spec")
	if !ok {
		return nil, fmt.Errorf("\"argument_spec\" arg is required in args: %s", value.Str(t.Args))
	}
	spec, ok := raw.(*value.Dict)
	if !ok {
		return nil, value.Errorf("Incorrect type for argument_spec, expected dict and got <class '%s'>", value.TypeName(raw))
	}
	provided, _ := argument(t, "provided_arguments").(*value.Dict)
	given := map[string]any{}
	options := Options(spec)
	for _, o := range options {
		for _, name := range append([]string{o.Name}, o.Aliases...) {
			v, found := t.provided(name, provided)
			if !found {
				continue
			}
			templated, err := t.Engine.Value(t.Context, v, t.Scope)
			if err != nil {
				return nil, err
			}
			given[name] = value.ToGo(templated)
		}
	}
	if provided != nil {
		for k, v := range provided.All() {
			given[value.Str(k)] = value.ToGo(v)
		}
	}
	s := &module.Spec{Name: "validate_argument_spec", Options: options}
	_, _, err := module.Validator{Getenv: func(string) string { return "" }}.Validate(s, given)
	if err != nil {
		return value.DictOf("failed", true, "changed", false, "msg", "Validation of arguments failed:\n"+err.Error(),
			"argument_errors", value.NewList(err.Error()), "argument_spec_data", spec, "validate_args_context", argument(t, "validate_args_context")), nil
	}
	return value.DictOf("changed", false, "msg", "The arg spec validation passed", "validate_args_context", argument(t, "validate_args_context")), nil
}

func (t *Task) provided(name string, given *value.Dict) (value.Value, bool) {
	if given != nil {
		if v, ok := given.Str(name); ok {
			return v, true
		}
	}
	return t.Scope.Raw(name)
}

// Options turns an argument specification as roles write it into options.
func Options(spec *value.Dict) []module.Option {
	var out []module.Option
	for k, v := range spec.All() {
		d, ok := v.(*value.Dict)
		if !ok {
			continue
		}
		out = append(out, option(value.Str(k), d))
	}
	return out
}

func option(name string, d *value.Dict) module.Option {
	o := module.Option{Name: name, Type: module.Str}
	for k, v := range d.All() {
		switch value.Str(k) {
		case "type":
			o.Type = module.Type(value.Str(v))
		case "elements":
			o.Elements = module.Type(value.Str(v))
		case "required":
			o.Required = value.Truth(v)
		case "no_log":
			o.NoLog = value.Truth(v)
		case "default":
			o.Default = value.ToGo(v)
		case "choices":
			for _, c := range list(v) {
				o.Choices = append(o.Choices, value.ToGo(c))
			}
		case "aliases":
			o.Aliases = texts(v)
		case "options":
			if sub, ok := v.(*value.Dict); ok {
				o.Options = Options(sub)
			}
		}
	}
	return o
}

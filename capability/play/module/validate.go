package module

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// fileOptions are what Spec.Files adds.
var fileOptions = []Option{
	{Name: "mode", Type: Raw, Help: "The permissions, as octal digits or symbolically."},
	{Name: "owner", Help: "The user who owns the file."},
	{Name: "group", Help: "The group that owns the file."},
	{Name: "seuser", Help: "The user part of the SELinux context."},
	{Name: "serole", Help: "The role part of the SELinux context."},
	{Name: "setype", Help: "The type part of the SELinux context."},
	{Name: "selevel", Help: "The level part of the SELinux context."},
	{Name: "attributes", Aliases: []string{"attr"}, Help: "Attributes as chattr takes them."},
	{Name: "unsafe_writes", Type: Bool, Default: false, Help: "Write in place where the file cannot be replaced at once."},
}

// AllOptions returns the options of a spec with those that Files adds.
func (s *Spec) AllOptions() []Option {
	if !s.Files {
		return s.Options
	}
	out := slices.Clone(s.Options)
	for _, o := range fileOptions {
		if !slices.ContainsFunc(out, func(own Option) bool { return own.Name == o.Name }) {
			out = append(out, o)
		}
	}
	return out
}

// Validator checks what a task gives a module against what the module accepts.
type Validator struct {
	Kind   string // "module" in messages
	Getenv func(string) string
}

// Validate returns the arguments in the form that modules take, or the first
// thing that is wrong with them, in upstream's words (docs: "Argument spec").
func (v Validator) Validate(s *Spec, given map[string]any) (Args, []string, error) {
	c := &checker{Validator: v}
	args, err := c.level(s.AllOptions(), s.Rules, given, s.Anything, "")
	if err == nil && len(c.unsupported) > 0 {
		err = value.Errorf("Unsupported parameters for (%s) %s: %s. Supported parameters include: %s.", s.Name, v.kind(), strings.Join(c.unsupported, ", "), strings.Join(c.supported, ", "))
	}
	return args, c.warnings, err
}

func (v Validator) kind() string {
	if v.Kind == "" {
		return "module"
	}
	return v.Kind
}

type checker struct {
	Validator
	warnings               []string
	unsupported, supported []string
}

// level checks one level of options; in is the dictionary they stand in, "" for the first.
func (c *checker) level(options []Option, rules Rules, given map[string]any, anything bool, in string) (Args, error) {
	out := Args{}
	known := map[string]bool{}
	for i := range options {
		c.takeOption(&options[i], given, out, known)
	}
	if anything {
		for k, v := range given {
			if !known[k] {
				out[k] = v
			}
		}
	} else {
		c.unknown(options, given, known, in)
	}
	if err := exclusive(rules, out, in); err != nil {
		return nil, err
	}
	if err := required(options, out, in); err != nil {
		return nil, err
	}
	for i := range options {
		if err := c.convert(&options[i], out, in); err != nil {
			return nil, err
		}
	}
	if err := related(rules, out, in); err != nil {
		return nil, err
	}
	for _, o := range options {
		if out[o.Name] == nil && o.Default != nil {
			out[o.Name] = o.Default
		}
	}
	if err := c.conditional(rules, out, in); err != nil {
		return nil, err
	}
	for i := range options {
		if err := c.nested(&options[i], out, in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *checker) takeOption(o *Option, given map[string]any, out Args, known map[string]bool) {
	known[o.Name] = true
	v, ok := given[o.Name]
	for _, alias := range o.Aliases {
		known[alias] = true
		if av, has := given[alias]; has {
			if ok {
				c.warnings = append(c.warnings, fmt.Sprintf("Both option %s and its alias %s are set.", o.Name, alias))
			}
			v, ok = av, true
		}
	}
	if ok && v != nil {
		out[o.Name] = v
	}
}

func (c *checker) unknown(options []Option, given map[string]any, known map[string]bool, in string) {
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if known[k] {
			continue
		}
		if in != "" {
			k = in + "." + k
		}
		c.unsupported = append(c.unsupported, k)
	}
	if len(c.unsupported) == 0 || c.supported != nil {
		return
	}
	for _, o := range options {
		name := o.Name
		if len(o.Aliases) > 0 {
			name += " (" + strings.Join(o.Aliases, ", ") + ")"
		}
		c.supported = append(c.supported, name)
	}
	slices.Sort(c.supported)
}

func found(in string) string {
	if in == "" {
		return ""
	}
	return " found in " + in
}

func exclusive(rules Rules, args Args, in string) error {
	var hits []string
	for _, names := range rules.Exclusive {
		if count(args, names) > 1 {
			hits = append(hits, strings.Join(names, "|"))
		}
	}
	if len(hits) == 0 {
		return nil
	}
	return fmt.Errorf("parameters are mutually exclusive: %s%s", strings.Join(hits, ", "), found(in))
}

func count(args Args, names []string) int {
	n := 0
	for _, name := range names {
		if args.Has(name) {
			n++
		}
	}
	return n
}

func required(options []Option, args Args, in string) error {
	var missing []string
	for _, o := range options {
		if o.Required && !args.Has(o.Name) {
			missing = append(missing, o.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("missing required arguments: %s%s", strings.Join(missing, ", "), found(in))
}

// related applies required_together, required_one_of and required_by.
func related(rules Rules, args Args, in string) error {
	for _, names := range rules.Together {
		if n := count(args, names); n > 0 && n < len(names) {
			return fmt.Errorf("parameters are required together: %s%s", strings.Join(names, ", "), found(in))
		}
	}
	for _, names := range rules.OneOf {
		if count(args, names) == 0 {
			return fmt.Errorf("one of the following is required: %s%s", strings.Join(names, ", "), found(in))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rules.RequiredBy)) {
		if !args.Has(name) {
			continue
		}
		var missing []string
		for _, need := range rules.RequiredBy[name] {
			if !args.Has(need) {
				missing = append(missing, need)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("missing parameter(s) required by '%s': %s%s", name, strings.Join(missing, ", "), found(in))
		}
	}
	return nil
}

// conditional applies required_if.
func (c *checker) conditional(rules Rules, args Args, in string) error {
	for _, r := range rules.If {
		if fmt.Sprint(args[r.Option]) != fmt.Sprint(r.Is) || !args.Has(r.Option) {
			continue
		}
		var missing []string
		for _, name := range r.Then {
			if !args.Has(name) {
				missing = append(missing, name)
			}
		}
		which := "all"
		if r.Any {
			which = "any"
		}
		if r.Any && len(missing) == len(r.Then) || !r.Any && len(missing) > 0 {
			return fmt.Errorf("%s is %s but %s of the following are missing: %s%s", r.Option, value.Str(value.FromGo(r.Is)), which, strings.Join(missing, ", "), found(in))
		}
	}
	return nil
}

func (c *checker) convert(o *Option, args Args, in string) error {
	raw, ok := args[o.Name]
	if !ok {
		return nil
	}
	v, err := c.typed(o.Type, raw)
	if err != nil {
		return fmt.Errorf("argument '%s' is of type %s%s and we were unable to convert to %s: %w", o.Name, class(raw), found(in), orStr(o.Type), err)
	}
	if list, isList := v.([]any); isList && o.Elements != "" {
		out := make([]any, len(list))
		for i, item := range list {
			if out[i], err = c.typed(o.Elements, item); err != nil {
				//lint:ignore ST1005 Ansible's sentence
				return fmt.Errorf("Elements value for option '%s' is of type %s%s and we were unable to convert to %s: %w", o.Name, class(item), found(in), o.Elements, err)
			}
		}
		v = out
	}
	if v, err = choose(o, v, in); err != nil {
		return err
	}
	args[o.Name] = v
	return nil
}

func orStr(t Type) Type {
	if t == "" {
		return Str
	}
	return t
}

// choose checks a value against the choices.
func choose(o *Option, v any, in string) (any, error) {
	if len(o.Choices) == 0 {
		return v, nil
	}
	texts := make([]string, len(o.Choices))
	for i, c := range o.Choices {
		texts[i] = value.Str(value.FromGo(c))
	}
	if list, ok := v.([]any); ok {
		var bad []string
		for _, item := range list {
			if !slices.Contains(o.Choices, item) {
				bad = append(bad, value.Str(value.FromGo(item)))
			}
		}
		if len(bad) > 0 {
			return nil, fmt.Errorf("value of %s must be one or more of: %s. Got no match for: %s%s", o.Name, strings.Join(texts, ", "), strings.Join(bad, ", "), found(in))
		}
		return v, nil
	}
	if slices.Contains(o.Choices, v) {
		return v, nil
	}
	// YAML made a truth of a choice such as yes or off.
	if text, ok := truthWord(v, texts); ok {
		return text, nil
	}
	return nil, fmt.Errorf("value of %s must be one of: %s, got: %s%s", o.Name, strings.Join(texts, ", "), value.Str(value.FromGo(v)), found(in))
}

func truthWord(v any, choices []string) (string, bool) {
	words := map[string][]string{"True": {"yes", "on", "true", "y", "t", "1"}, "False": {"no", "off", "false", "n", "f", "0"}}
	hit := ""
	text, _ := v.(string)
	for _, w := range words[text] {
		if slices.Contains(choices, w) {
			if hit != "" {
				return "", false
			}
			hit = w
		}
	}
	return hit, hit != ""
}

func (c *checker) nested(o *Option, args Args, in string) error {
	if len(o.Options) == 0 || args[o.Name] == nil {
		return nil
	}
	path := o.Name
	if in != "" {
		path = in + " -> " + o.Name
	}
	switch v := args[o.Name].(type) {
	case map[string]any:
		sub, err := c.level(o.Options, o.Rules, v, false, path)
		if err != nil {
			return err
		}
		args[o.Name] = map[string]any(sub)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			d, ok := item.(map[string]any)
			if !ok {
				return fmt.Errorf("value of '%s' must be of type dict or list of dicts", o.Name)
			}
			sub, err := c.level(o.Options, o.Rules, d, false, path)
			if err != nil {
				return err
			}
			out[i] = map[string]any(sub)
		}
		args[o.Name] = out
	}
	return nil
}

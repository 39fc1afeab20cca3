package template

import (
	"context"
	"errors"
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

// ConditionError says that a condition cannot be evaluated.
type ConditionError struct {
	Condition string
	Cause     error
}

func (e *ConditionError) Error() string {
	return fmt.Sprintf("The conditional check '%s' failed. The error was: %s", e.Condition, e.inner())
}

func (e *ConditionError) inner() string {
	if IsUndefined(e.Cause) {
		return fmt.Sprintf("error while evaluating conditional (%s): %s", e.Condition, e.Cause)
	}
	var t *Error
	if errors.As(e.Cause, &t) {
		return t.Message
	}
	return e.Cause.Error()
}

func (e *ConditionError) Unwrap() error { return e.Cause }

// Holds evaluates conditions, each an expression or a truth; all have to hold.
func (e *Engine) Holds(ctx context.Context, conditions []value.Value, s *Scope) (bool, error) {
	for _, c := range conditions {
		ok, err := e.holds(ctx, c, s)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (e *Engine) holds(ctx context.Context, condition value.Value, s *Scope) (bool, error) {
	text := ""
	switch c := condition.(type) {
	case nil:
		return true, nil
	case string:
		text = c
	case *value.List:
		return e.Holds(ctx, c.Items, s)
	case value.Lazy, value.Unsafe:
		text = value.Str(c)
	default:
		return value.Truth(c), nil
	}
	if text == "" {
		return true, nil
	}
	if IsTemplate(text) {
		v, err := e.Value(ctx, text, s)
		if err != nil {
			return false, &ConditionError{text, err}
		}
		inner, isText := v.(string)
		if !isText {
			return value.Truth(v), nil
		}
		if text = inner; text == "" {
			return true, nil
		}
	}
	v, err := e.Expression(ctx, text, s)
	if err != nil {
		return false, &ConditionError{text, err}
	}
	return value.Truth(v), nil
}

// Expression evaluates one expression, without braces.
func (e *Engine) Expression(ctx context.Context, text string, s *Scope) (value.Value, error) {
	en, err := e.expression(text)
	if err != nil {
		return nil, e.syntax("{% if "+text+" %} True {% else %} False {% endif %}", err)
	}
	inner := *s
	inner.depth++
	inner.mutates = en.mutates
	return en.expression.Eval(ctx, &resolver{engine: e, ctx: ctx, scope: &inner})
}

func (e *Engine) expression(text string) (*expressionEntry, error) {
	if found, ok := e.expressions.Load(text); ok {
		en := found.(*expressionEntry)
		return en, en.err
	}
	en := &expressionEntry{mutates: mutates(text)}
	en.expression, en.err = e.environment.Expression(text)
	e.expressions.Store(text, en)
	return en, en.err
}

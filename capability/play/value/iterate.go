package value

import (
	"fmt"
	"iter"
	"unicode/utf8"
)

// Iterate gives what Python's iter(v) does: a list's items, a dictionary's keys,
// a text's characters. What cannot be iterated gives one error.
func Iterate(v Value) iter.Seq2[Value, error] {
	switch v := forced(v).(type) {
	case *List:
		return overList(v)
	case *Tuple:
		return over(v.Items)
	case *Dict:
		return over(v.Keys())
	case string, Unsafe, Markup:
		text, _ := Text(v)
		return overText(text)
	case *Range:
		return overRange(v)
	case *Iterator:
		return v.All()
	case Mapping:
		return over(v.Keys())
	case Bytes:
		return func(yield func(Value, error) bool) {
			for i := range len(v) {
				if !yield(int64(v[i]), nil) {
					return
				}
			}
		}
	case *Undefined:
		return failing(&UndefinedError{v.Hint})
	default:
		return failing(&TypeError{fmt.Sprintf("'%s' object is not iterable", TypeName(v))})
	}
}

func failing(err error) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) { yield(nil, err) }
}

// overList sees what is appended meanwhile, as Python does.
func overList(l *List) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		for i := 0; i < len(l.Items); i++ {
			if !yield(l.Items[i], nil) {
				return
			}
		}
	}
}

func over(items []Value) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func overText(s string) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		for i := 0; i < len(s); {
			_, size := utf8.DecodeRuneInString(s[i:])
			if !yield(s[i:i+size], nil) {
				return
			}
			i += size
		}
	}
}

func overRange(r *Range) iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		n := r.Len()
		for i := range n {
			if !yield(r.Start+i*r.Step, nil) {
				return
			}
		}
	}
}

// Items returns all that Iterate gives, as a slice of its own.
func Items(v Value) ([]Value, error) {
	var out []Value
	if l, ok := v.(*List); ok {
		out = make([]Value, 0, len(l.Items))
	}
	for item, err := range Iterate(v) {
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// Len is Python's len(v).
func Len(v Value) (int, error) {
	switch v := forced(v).(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case Unsafe:
		return utf8.RuneCountInString(string(v)), nil
	case Markup:
		return utf8.RuneCountInString(string(v)), nil
	case Bytes:
		return len(v), nil
	case *List:
		return len(v.Items), nil
	case *Tuple:
		return len(v.Items), nil
	case *Dict:
		return v.Len(), nil
	case *Range:
		return int(v.Len()), nil
	case Mapping:
		return len(v.Keys()), nil
	case *Undefined:
		return 0, &UndefinedError{v.Hint}
	default:
		return 0, &TypeError{fmt.Sprintf("object of type '%s' has no len()", TypeName(v))}
	}
}

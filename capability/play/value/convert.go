package value

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// FromGo turns Go's JSON-like types into values. The keys of maps are sorted.
func FromGo(v any) Value {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return Int(new(big.Int).SetUint64(v))
	case json.Number:
		return jsonNumber(v.String())
	case []any:
		out := &List{Items: make([]Value, len(v))}
		for i, item := range v {
			out.Items[i] = FromGo(item)
		}
		return out
	case []string:
		out := &List{Items: make([]Value, len(v))}
		for i, item := range v {
			out.Items[i] = item
		}
		return out
	case map[string]any:
		return fromMap(v)
	case map[string]string:
		out := NewDict()
		for _, k := range sortedKeys(v) {
			out.SetStr(k, v[k])
		}
		return out
	case time.Time:
		return Time{Time: v}
	}
	return v
}

func fromMap(m map[string]any) *Dict {
	out := NewDict()
	for _, k := range sortedKeys(m) {
		out.SetStr(k, FromGo(m[k]))
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// ToGo turns a value into Go's JSON-like types: nil, bool, int64, float64,
// string, []any, map[string]any, and json.Number for large integers.
func ToGo(v Value) any {
	switch v := forced(v).(type) {
	case *big.Int:
		return json.Number(v.String())
	case Unsafe:
		return string(v)
	case Markup:
		return string(v)
	case Bytes:
		return string(v)
	case *List:
		return toSlice(v.Items)
	case *Tuple:
		return toSlice(v.Items)
	case *Dict:
		out := make(map[string]any, v.Len())
		for k, item := range v.All() {
			out[Str(k)] = ToGo(item)
		}
		return out
	case Mapping:
		out := map[string]any{}
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			out[Str(k)] = ToGo(item)
		}
		return out
	case *Range, *Iterator:
		items, err := Items(v)
		if err != nil {
			return nil
		}
		return toSlice(items)
	case nil, bool, int64, float64, string:
		return v
	default:
		return Str(v)
	}
}

func toSlice(items []Value) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = ToGo(item)
	}
	return out
}

// MarkUnsafe returns v with all of its text marked as unsafe.
func MarkUnsafe(v Value) Value {
	switch v := v.(type) {
	case string:
		return Unsafe(v)
	case *List:
		out := &List{Items: make([]Value, len(v.Items))}
		for i, item := range v.Items {
			out.Items[i] = MarkUnsafe(item)
		}
		return out
	case *Tuple:
		out := &Tuple{Items: make([]Value, len(v.Items))}
		for i, item := range v.Items {
			out.Items[i] = MarkUnsafe(item)
		}
		return out
	case *Dict:
		out := NewDict()
		for k, item := range v.All() {
			out.Set(k, MarkUnsafe(item))
		}
		return out
	}
	return v
}

func jsonNumber(text string) Value {
	if !strings.ContainsAny(text, ".eE") {
		if i, ok := new(big.Int).SetString(text, 10); ok {
			return Int(i)
		}
	}
	var f float64
	if _, err := fmt.Sscan(text, &f); err != nil {
		return text
	}
	return f
}

package module

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var sizeText = regexp.MustCompile(`^\s*(\d*\.?\d*)\s*([A-Za-z]+)?`)

// units are the powers of 1024 by their letters.
var units = map[string]float64{
	"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60, "Z": 1 << 70, "Y": 1 << 80,
}

// bytes reads a size such as 10M, in bytes or bits.
func bytes(v any, bits bool) (any, error) {
	s := text(v)
	m := sizeText.FindStringSubmatch(s)
	if m == nil || m[1] == "" {
		return nil, fmt.Errorf("human_to_bytes() can't interpret following string: %s", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, fmt.Errorf("human_to_bytes() can't interpret following number: %s (original input string: %s)", m[1], s)
	}
	letter := ""
	if m[2] != "" {
		letter = strings.ToUpper(m[2][:1])
	}
	factor, ok := units[letter]
	tail := m[2]
	if len(tail) > 1 && (bits && tail[1:] != "b" && !strings.EqualFold(tail[1:], "bit") || !bits && tail[1:] != "B" && !strings.EqualFold(tail[1:], "byte")) && !strings.EqualFold(tail, "byte") && !strings.EqualFold(tail, "bit") {
		ok = false
	}
	if !ok {
		return nil, fmt.Errorf("human_to_bytes() failed to convert %s (unit = %s). The suffix must be one of Y, Z, E, P, T, G, M, K, B", s, m[2])
	}
	return int64(n*factor + 0.5), nil
}

package jinja

import "slices"

// expression reads an expression; conditional says whether "a if b else c" may stand there.
// A comma makes a tuple where one may stand: in print statements and the like.
func (p *parser) expression(conditional bool) (expr, error) {
	first, err := p.single(conditional)
	if err != nil {
		return nil, err
	}
	if !p.is(",") {
		return first, nil
	}
	items := []expr{first}
	for p.skip(",") {
		if p.tupleEnds() {
			break
		}
		x, err := p.single(conditional)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
	}
	return &tupleExpr{items}, nil
}

func (p *parser) tupleEnds() bool {
	t := p.peek()
	switch t.kind {
	case tokenEnd, tokenVariableEnd, tokenBlockEnd:
		return true
	case tokenOperator:
		return t.text == ")"
	case tokenName:
		return t.text == "in" || t.text == "recursive"
	}
	return false
}

func (p *parser) single(conditional bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if !conditional {
		return p.or()
	}
	x, err := p.or()
	for err == nil && p.isName("if") {
		p.take()
		c := &conditionalExpr{then: x}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			if c.otherwise, err = p.single(true); err != nil {
				return nil, err
			}
		}
		x = c
	}
	return x, err
}

func (p *parser) or() (expr, error) {
	left, err := p.and()
	for err == nil && p.skipName("or") {
		var right expr
		right, err = p.and()
		left = &orExpr{left, right}
	}
	return left, err
}

func (p *parser) and() (expr, error) {
	left, err := p.not()
	for err == nil && p.skipName("and") {
		var right expr
		right, err = p.not()
		left = &andExpr{left, right}
	}
	return left, err
}

func (p *parser) not() (expr, error) {
	if p.isName("not") {
		p.take()
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer func() { p.depth-- }()
		x, err := p.not()
		return &notExpr{x}, err
	}
	return p.compare()
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() (expr, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{first: left}
	for {
		t := p.peek()
		op := ""
		switch {
		case t.kind == tokenOperator && slices.Contains(comparisons, t.text):
			op = p.take().text
		case p.isName("in"):
			p.take()
			op = "in"
		case p.isName("not") && p.peekAt(1).kind == tokenName && p.peekAt(1).text == "in":
			p.take()
			p.take()
			op = "not in"
		}
		if op == "" {
			break
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, right)
	}
	if len(c.ops) == 0 {
		return left, nil
	}
	return c, nil
}

func (p *parser) binary(next func() (expr, error), ops ...string) (expr, error) {
	left, err := next()
	for err == nil {
		t := p.peek()
		if t.kind != tokenOperator || !slices.Contains(ops, t.text) {
			return left, nil
		}
		p.take()
		var right expr
		right, err = next()
		left = &binaryExpr{op: t.text, left: left, right: right}
	}
	return nil, err
}

func (p *parser) sum() (expr, error) { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() (expr, error) {
	first, err := p.product()
	if err != nil || !p.is("~") {
		return first, err
	}
	c := &concatExpr{items: []expr{first}}
	for p.skip("~") {
		x, err := p.product()
		if err != nil {
			return nil, err
		}
		c.items = append(c.items, x)
	}
	return c, nil
}

func (p *parser) product() (expr, error) { return p.binary(p.power, "*", "/", "//", "%") }

func (p *parser) power() (expr, error) {
	return p.binary(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var x expr
	var err error
	switch {
	case p.skip("-"):
		x, err = p.unary(false)
		x = &negateExpr{x, false}
	case p.skip("+"):
		x, err = p.unary(false)
		x = &negateExpr{x, true}
	default:
		x, err = p.primary()
	}
	if err != nil {
		return nil, err
	}
	if x, err = p.postfix(x); err != nil || !filters {
		return x, err
	}
	return p.filters(x)
}

func (p *parser) primary() (expr, error) {
	t := p.take()
	switch t.kind {
	case tokenName:
		switch t.text {
		case "true", "True":
			return &constExpr{true}, nil
		case "false", "False":
			return &constExpr{false}, nil
		case "none", "None":
			return &constExpr{nil}, nil
		}
		return &nameExpr{name: t.text, line: t.line}, nil
	case tokenText:
		text := t.text
		for p.peek().kind == tokenText {
			text += p.take().text
		}
		return &constExpr{text}, nil
	case tokenNumber:
		return &constExpr{t.value}, nil
	case tokenOperator:
		switch t.text {
		case "(":
			return p.parentheses()
		case "[":
			items, err := p.list("]")
			return &listExpr{items}, err
		case "{":
			return p.dict()
		}
	}
	return nil, p.fail(t, "unexpected %s", t.describe())
}

func (p *parser) parentheses() (expr, error) {
	if p.skip(")") {
		return &tupleExpr{}, nil
	}
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	return x, p.expect(")")
}

func (p *parser) list(end string) ([]expr, error) {
	var items []expr
	for !p.is(end) {
		if len(items) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.is(end) {
				break
			}
		}
		x, err := p.single(true)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
	}
	return items, p.expect(end)
}

func (p *parser) dict() (expr, error) {
	d := &dictExpr{}
	for !p.is("}") {
		if len(d.keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
			if p.is("}") {
				break
			}
		}
		k, err := p.single(true)
		if err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		v, err := p.single(true)
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, p.expect("}")
}

func (p *parser) postfix(x expr) (expr, error) {
	for {
		var err error
		switch {
		case p.is("."):
			x, err = p.attribute(x)
		case p.is("["):
			x, err = p.subscript(x)
		case p.is("("):
			x, err = p.call(x)
		default:
			return x, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) attribute(x expr) (expr, error) {
	line := p.take().line
	t := p.take()
	switch t.kind {
	case tokenName:
		return &attrExpr{of: x, name: t.text, line: line}, nil
	case tokenNumber:
		if _, isInt := t.value.(int64); isInt {
			return &itemExpr{of: x, key: &constExpr{t.value}, line: line}, nil
		}
	}
	return nil, p.fail(t, "expected name or number")
}

func (p *parser) subscript(x expr) (expr, error) {
	line := p.take().line
	var keys []expr
	for !p.is("]") {
		if len(keys) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		k, err := p.subscribed()
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, p.fail(p.peek(), "expected subscript expression")
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	key := keys[0]
	if len(keys) > 1 {
		for _, k := range keys {
			if _, ok := k.(*sliceExpr); ok { // as Python, which nothing there can answer
				return nil, &Error{Kind: Runtime, Name: p.name, Line: line, Message: "invalid syntax"}
			}
		}
		key = &tupleExpr{keys}
	}
	if s, ok := key.(*sliceExpr); ok {
		s.of = x
		return s, nil
	}
	return &itemExpr{of: x, key: key, line: line}, nil
}

func (p *parser) subscribed() (expr, error) {
	var parts [3]expr
	n := 0
	slice := false
	for {
		if p.is(":") {
			p.take()
			slice = true
			if n++; n > 2 {
				return nil, p.fail(p.peek(), "unexpected ':'")
			}
			continue
		}
		if p.is("]") || p.is(",") {
			break
		}
		x, err := p.single(true)
		if err != nil {
			return nil, err
		}
		parts[n] = x
		if !p.is(":") {
			break
		}
	}
	if slice {
		return &sliceExpr{start: parts[0], stop: parts[1], step: parts[2]}, nil
	}
	if parts[0] == nil {
		return nil, p.fail(p.peek(), "unexpected %s", p.peek().describe())
	}
	return parts[0], nil
}

// arguments reads the arguments of a call, from its parenthesis on.
func (p *parser) arguments() (arguments, error) {
	var a arguments
	if err := p.expect("("); err != nil {
		return a, err
	}
	for first := true; !p.is(")"); first = false {
		if !first {
			if err := p.expect(","); err != nil {
				return a, err
			}
			if p.is(")") {
				break
			}
		}
		if err := p.argument(&a); err != nil {
			return a, err
		}
	}
	return a, p.expect(")")
}

func (p *parser) argument(a *arguments) error {
	t := p.peek()
	var err error
	named := t.kind == tokenName && p.peekAt(1).kind == tokenOperator && p.peekAt(1).text == "="
	switch { // each sort has its place: f(a, *b, c=d, **e)
	case a.starStar != nil, a.star != nil && !named && !p.is("**"), len(a.names) > 0 && !named && !p.is("*") && !p.is("**"):
		return p.fail(t, "invalid syntax for function call expression")
	case p.skip("*"):
		if a.star, err = p.single(true); err != nil {
			return err
		}
	case p.skip("**"):
		if a.starStar, err = p.single(true); err != nil {
			return err
		}
	case named:
		p.take()
		p.take()
		x, err := p.single(true)
		if err != nil {
			return err
		}
		a.names, a.named = append(a.names, t.text), append(a.named, x)
	default:
		x, err := p.single(true)
		if err != nil {
			return err
		}
		a.items = append(a.items, x)
	}
	return nil
}

func (p *parser) call(x expr) (expr, error) {
	line := p.peek().line
	a, err := p.arguments()
	return &callExpr{of: x, arguments: a, line: line}, err
}

// filters reads "| filter" and "is test" behind an expression.
func (p *parser) filters(x expr) (expr, error) {
	for {
		switch {
		case p.is("|"):
			p.take()
			c, err := p.filterCall()
			if err != nil {
				return nil, err
			}
			x = &filterExpr{of: x, call: c}
		case p.isName("is"):
			t, err := p.test(x)
			if err != nil {
				return nil, err
			}
			if p.isName("is") {
				return nil, p.fail(p.peek(), "You cannot chain multiple tests with is")
			}
			x = t
		case p.is("("):
			c, err := p.call(x)
			if err != nil {
				return nil, err
			}
			x = c
		default:
			return x, nil
		}
	}
}

func (p *parser) filterChain() ([]call, error) {
	var out []call
	for p.skip("|") {
		c, err := p.filterCall()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// dotted reads a name with dots in it, as those of collections have.
func (p *parser) dotted() (string, error) {
	name, err := p.expectName()
	for err == nil && p.is(".") {
		p.take()
		var more string
		more, err = p.expectName()
		name += "." + more
	}
	return name, err
}

func (p *parser) filterCall() (call, error) {
	c := call{line: p.peek().line}
	var err error
	if c.name, err = p.dotted(); err != nil {
		return c, err
	}
	if _, ok := p.env.filter(c.name); !ok {
		c.unknown = true // an error when it is used: it may stand behind a condition
	}
	if p.is("(") {
		c.arguments, err = p.arguments()
	}
	return c, err
}

// test reads "is [not] name [argument]".
func (p *parser) test(x expr) (expr, error) {
	line := p.take().line
	negated := p.skipName("not")
	t := &testExpr{of: x, call: call{line: line}}
	var err error
	if t.name, err = p.dotted(); err != nil {
		return nil, err
	}
	if p.is("(") {
		if t.arguments, err = p.arguments(); err != nil {
			return nil, err
		}
	} else if p.testArgument() {
		arg, err := p.primary()
		if err != nil {
			return nil, err
		}
		if arg, err = p.postfix(arg); err != nil {
			return nil, err
		}
		t.items = []expr{arg}
	}
	if negated {
		return &notExpr{t}, nil
	}
	return t, nil
}

// testArgument says whether the next token begins a test's argument without parentheses.
func (p *parser) testArgument() bool {
	t := p.peek()
	switch t.kind {
	case tokenName:
		return !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not", "recursive"}, t.text)
	case tokenText, tokenNumber:
		return true
	case tokenOperator:
		return t.text == "(" || t.text == "[" || t.text == "{"
	}
	return false
}

package jinja

import (
	"fmt"
	"slices"
)

// parser turns tokens into nodes.
type parser struct {
	env     *Environment
	name    string
	lexer   *lexer
	tokens  []token
	at      int
	blocks  map[string]*blockNode
	extends bool
	open    []string // names of the tags that are open
	ends    [][]string
	depth   int
}

// maxNesting bounds how deep templates and expressions may nest.
const maxNesting = 400

func (e *Environment) parser(name, source string) (*parser, error) {
	p := &parser{env: e, name: name, lexer: &lexer{env: e, name: name, source: source, line: 1}, blocks: map[string]*blockNode{}}
	tokens, err := p.lexer.all()
	p.tokens = tokens
	return p, err
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) peekAt(n int) token {
	return p.tokens[min(p.at+n, len(p.tokens)-1)]
}

func (p *parser) take() token {
	t := p.tokens[p.at]
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

func (p *parser) fail(t token, format string, args ...any) error {
	return &Error{Kind: Syntax, Name: p.name, Line: t.line, Message: fmt.Sprintf(format, args...)}
}

func (p *parser) is(op string) bool {
	t := p.peek()
	return t.kind == tokenOperator && t.text == op
}

func (p *parser) isName(name string) bool {
	t := p.peek()
	return t.kind == tokenName && t.text == name
}

func (p *parser) skip(op string) bool {
	if p.is(op) {
		p.take()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.take()
		return true
	}
	return false
}

// missing is the error about a token that had to follow.
func (p *parser) missing(want string) error {
	t := p.peek()
	if t.kind == tokenEnd {
		return p.fail(t, "unexpected end of template, expected %s.", want)
	}
	return p.fail(t, "expected token %s, got %s", want, t.describe())
}

func (p *parser) expect(op string) error {
	if !p.skip(op) {
		return p.missing(quoted(op))
	}
	return nil
}

func (p *parser) expectName() (string, error) {
	t := p.peek()
	if t.kind != tokenName {
		return "", p.missing("'name'")
	}
	return p.take().text, nil
}

func (p *parser) expectWord(word string) error {
	if !p.skipName(word) {
		return p.missing(quoted(word))
	}
	return nil
}

func (p *parser) blockEnd() error {
	p.skip(":") // for those who write Python
	t := p.peek()
	if t.kind != tokenBlockEnd {
		return p.missing("'end of statement block'")
	}
	p.take()
	return nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.peek(), "the template is nested too deeply")
	}
	return nil
}

// template reads the whole source.
func (p *parser) template() ([]node, error) {
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unknownTag(p.peekAt(1))
	}
	return body, nil
}

// body reads nodes until a tag that one of ends names; it leaves that tag's name
// as the next token.
func (p *parser) body(ends ...string) ([]node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.ends = append(p.ends, ends)
	defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	var out []node
	for {
		t := p.peek()
		switch t.kind {
		case tokenEnd:
			if len(ends) > 0 {
				return nil, p.unclosed(t, ends)
			}
			return out, nil
		case tokenData:
			p.take()
			out = append(out, &dataNode{text: t.text})
		case tokenVariableStart:
			p.take()
			n, err := p.print()
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		case tokenBlockStart:
			if name := p.peekAt(1); name.kind == tokenName && slices.Contains(ends, name.text) {
				p.take()
				return out, nil
			}
			p.take()
			n, err := p.statement()
			if err != nil {
				return nil, err
			}
			if n != nil {
				out = append(out, n)
			}
		default:
			return nil, p.fail(t, "unexpected %s", t.describe())
		}
	}
}

func (p *parser) unclosed(t token, ends []string) error {
	want := quoted(ends[0])
	for _, e := range ends[1:] {
		want += " or " + quoted(e)
	}
	message := "Unexpected end of template. Jinja was looking for the following tags: " + want + "."
	if len(p.open) > 0 {
		message += " The innermost block that needs to be closed is " + quoted(p.open[len(p.open)-1]) + "."
	}
	return p.fail(t, "%s", message)
}

func (p *parser) unknownTag(t token) error {
	message := "Encountered unknown tag " + quoted(t.text) + "."
	if len(p.ends) > 0 && len(p.ends[len(p.ends)-1]) > 0 {
		ends := p.ends[len(p.ends)-1]
		want := quoted(ends[0])
		for _, e := range ends[1:] {
			want += " or " + quoted(e)
		}
		if slices.ContainsFunc(p.ends, func(ends []string) bool { return slices.Contains(ends, t.text) }) {
			message += " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " + want + "."
		} else {
			message += " Jinja was looking for the following tags: " + want + "."
		}
	}
	if len(p.open) > 0 {
		message += " The innermost block that needs to be closed is " + quoted(p.open[len(p.open)-1]) + "."
	}
	return p.fail(t, "%s", message)
}

func (p *parser) print() (node, error) {
	line := p.peek().line
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenVariableEnd {
		return nil, p.missing("'end of print statement'")
	}
	p.take()
	return &printNode{expr: x, line: line}, nil
}

// closed reads a body and its end tag.
func (p *parser) closed(end string) ([]node, error) {
	body, err := p.body(end)
	if err != nil {
		return nil, err
	}
	p.take()
	return body, p.blockEnd()
}

func (p *parser) statement() (node, error) {
	t := p.peek()
	if t.kind != tokenName {
		return nil, p.fail(t, "tag name expected")
	}
	p.take()
	p.open = append(p.open, t.text)
	n, err := p.tag(t)
	p.open = p.open[:len(p.open)-1]
	return n, err
}

func (p *parser) tag(t token) (node, error) {
	switch t.text {
	case "for":
		return p.forTag(t)
	case "if":
		return p.ifTag(t)
	case "set":
		return p.setTag(t)
	case "macro":
		return p.macroTag(t)
	case "call":
		return p.callTag(t)
	case "filter":
		return p.filterTag(t)
	case "block":
		return p.blockTag(t)
	case "extends":
		p.extends = true
		x, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		return &extendsNode{name: x, line: t.line}, p.blockEnd()
	case "include":
		return p.includeTag(t)
	case "import":
		return p.importTag(t)
	case "from":
		return p.fromTag(t)
	case "with":
		return p.withTag(t)
	case "autoescape":
		x, err := p.expression(true)
		if err == nil {
			err = p.blockEnd()
		}
		if err != nil {
			return nil, err
		}
		body, err := p.closed("endautoescape")
		return &autoescapeNode{on: x, body: body}, err
	case "do":
		if p.env.has("do") {
			x, err := p.expression(true)
			if err != nil {
				return nil, err
			}
			return &doNode{expr: x, line: t.line}, p.blockEnd()
		}
	case "break", "continue":
		if p.env.has("loopcontrols") {
			if !slices.Contains(p.open, "for") {
				return nil, &Error{Kind: Runtime, Name: p.name, Line: t.line, Message: quoted(t.text) + " not properly in loop"}
			}
			return &jumpNode{to: t.text}, p.blockEnd()
		}
	}
	p.open = p.open[:len(p.open)-1]
	err := p.unknownTag(t)
	p.open = append(p.open, t.text)
	return nil, err
}

func (p *parser) forTag(t token) (node, error) {
	n := &forNode{line: t.line}
	var err error
	if n.target, err = p.target(false); err != nil {
		return nil, err
	}
	if err = p.expectWord("in"); err != nil {
		return nil, err
	}
	if n.over, err = p.expression(false); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if n.test, err = p.expression(true); err != nil {
			return nil, err
		}
	}
	n.recursive = p.skipName("recursive")
	if err = p.blockEnd(); err != nil {
		return nil, err
	}
	from := p.at
	if n.body, err = p.body("endfor", "else"); err != nil {
		return nil, err
	}
	n.keeps = slices.ContainsFunc(p.tokens[from:p.at], func(t token) bool {
		return t.kind == tokenName && slices.Contains([]string{"macro", "call", "block", "import", "loop"}, t.text)
	})
	if p.take().text == "else" {
		if err = p.blockEnd(); err != nil {
			return nil, err
		}
		n.hasElse = true
		n.otherwise, err = p.closed("endfor")
		return n, err
	}
	return n, p.blockEnd()
}

func (p *parser) ifTag(t token) (node, error) {
	n := &ifNode{line: t.line}
	for {
		test, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		if err := p.blockEnd(); err != nil {
			return nil, err
		}
		body, err := p.body("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{test, body})
		switch p.take().text {
		case "elif":
			continue
		case "else":
			if err := p.blockEnd(); err != nil {
				return nil, err
			}
			n.otherwise, err = p.closed("endif")
			return n, err
		}
		return n, p.blockEnd()
	}
}

func (p *parser) setTag(t token) (node, error) {
	target, err := p.target(true)
	if err != nil {
		return nil, err
	}
	if p.skip("=") {
		x, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		return &setNode{target: target, expr: x, line: t.line}, p.blockEnd()
	}
	var filters []call
	if p.is("|") {
		if filters, err = p.filterChain(); err != nil {
			return nil, err
		}
	}
	if err := p.blockEnd(); err != nil {
		return nil, err
	}
	body, err := p.closed("endset")
	return &setBlockNode{target: target, filters: filters, body: body, line: t.line}, err
}

// target reads what is assigned to: a name, names in a tuple, or an attribute of a namespace.
func (p *parser) target(namespace bool) (target, error) {
	if namespace && p.peek().kind == tokenName && p.peekAt(1).kind == tokenOperator && p.peekAt(1).text == "." {
		name := p.take().text
		p.take()
		attr, err := p.expectName()
		return target{name: name, attr: attr}, err
	}
	var out target
	for {
		one, err := p.targetItem()
		if err != nil {
			return out, err
		}
		out.items = append(out.items, one)
		if !p.skip(",") {
			break
		}
		out.tuple = true
		if p.isName("in") || p.is("=") || p.peek().kind == tokenBlockEnd {
			break
		}
	}
	if !out.tuple {
		return out.items[0], nil
	}
	return out, nil
}

func (p *parser) targetItem() (target, error) {
	for open, end := range map[string]string{"(": ")", "[": "]"} {
		if p.skip(open) {
			inner, err := p.target(false)
			if err != nil {
				return inner, err
			}
			if !inner.tuple && open == "[" {
				inner = target{tuple: true, items: []target{inner}}
			}
			return inner, p.expect(end)
		}
	}
	t := p.peek()
	if t.kind == tokenNumber || t.kind == tokenText {
		return target{}, p.fail(t, "can't assign to 'const'")
	}
	name, err := p.expectName()
	switch name {
	case "true", "false", "none", "True", "False", "None":
		return target{}, p.fail(t, "can't assign to %s", quoted("const"))
	}
	return target{name: name}, err
}

func (p *parser) signature() (names []string, defaults []expr, err error) {
	if err := p.expect("("); err != nil {
		return nil, nil, err
	}
	for !p.is(")") {
		if len(names) > 0 {
			if err := p.expect(","); err != nil {
				return nil, nil, err
			}
			if p.is(")") {
				break
			}
		}
		name, err := p.expectName()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		if p.skip("=") {
			x, err := p.single(true)
			if err != nil {
				return nil, nil, err
			}
			defaults = append(defaults, x)
		} else if len(defaults) > 0 {
			return nil, nil, p.fail(p.peek(), "non-default argument follows default argument")
		}
	}
	return names, defaults, p.expect(")")
}

func (p *parser) macroTag(t token) (node, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	m := &macroNode{name: name, line: t.line}
	if m.args, m.defaults, err = p.signature(); err != nil {
		return nil, err
	}
	if err := p.blockEnd(); err != nil {
		return nil, err
	}
	from := p.at
	m.body, err = p.closed("endmacro")
	m.uses(p.tokens[from:p.at])
	return m, err
}

func (p *parser) callTag(t token) (node, error) {
	m := &macroNode{name: "caller", line: t.line}
	var err error
	if p.is("(") {
		if m.args, m.defaults, err = p.signature(); err != nil {
			return nil, err
		}
	}
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	c, ok := x.(*callExpr)
	if !ok {
		return nil, p.fail(t, "expected call")
	}
	if err := p.blockEnd(); err != nil {
		return nil, err
	}
	from := p.at
	m.body, err = p.closed("endcall")
	m.uses(p.tokens[from:p.at])
	return &callNode{call: c, caller: m, line: t.line}, err
}

func (p *parser) filterTag(t token) (node, error) {
	first, err := p.filterCall()
	if err != nil {
		return nil, err
	}
	filters := []call{first}
	if p.is("|") {
		more, err := p.filterChain()
		if err != nil {
			return nil, err
		}
		filters = append(filters, more...)
	}
	if err := p.blockEnd(); err != nil {
		return nil, err
	}
	body, err := p.closed("endfilter")
	return &filterNode{filters: filters, body: body, line: t.line}, err
}

func (p *parser) blockTag(t token) (node, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	if _, double := p.blocks[name]; double {
		return nil, p.fail(t, "block %s defined twice", quoted(name))
	}
	b := &blockNode{name: name, line: t.line}
	p.blocks[name] = b
	for {
		switch {
		case p.skipName("scoped"):
			b.scoped = true
			continue
		case p.skipName("required"):
			b.required = true
			continue
		}
		break
	}
	if err := p.blockEnd(); err != nil {
		return nil, err
	}
	if b.body, err = p.body("endblock"); err != nil {
		return nil, err
	}
	p.take()
	if p.peek().kind == tokenName {
		p.skipName(name)
	}
	return b, p.blockEnd()
}

func (p *parser) includeTag(t token) (node, error) {
	n := &includeNode{line: t.line, context: true}
	var err error
	if n.name, err = p.expression(true); err != nil {
		return nil, err
	}
	if p.isName("ignore") && p.peekAt(1).text == "missing" {
		p.take()
		p.take()
		n.ignore = true
	}
	n.context = p.withContext(true)
	return n, p.blockEnd()
}

// withContext reads "with context" or "without context".
func (p *parser) withContext(otherwise bool) bool {
	next := p.peekAt(1)
	if (p.isName("with") || p.isName("without")) && next.kind == tokenName && next.text == "context" {
		with := p.take().text == "with"
		p.take()
		return with
	}
	return otherwise
}

func (p *parser) importTag(t token) (node, error) {
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("as"); err != nil {
		return nil, err
	}
	n := &importNode{name: x, line: t.line}
	if n.as, err = p.expectName(); err != nil {
		return nil, err
	}
	n.context = p.withContext(false)
	return n, p.blockEnd()
}

func (p *parser) fromTag(t token) (node, error) {
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("import"); err != nil {
		return nil, err
	}
	n := &importNode{name: x, line: t.line}
	for p.peek().kind == tokenName {
		if next := p.peekAt(1); (p.isName("with") || p.isName("without")) && next.text == "context" {
			break
		}
		one := imported{}
		if one.name, err = p.expectName(); err != nil {
			return nil, err
		}
		if len(one.name) > 0 && one.name[0] == '_' {
			return nil, p.fail(t, "names starting with an underline can not be imported")
		}
		one.as = one.name
		if p.skipName("as") {
			if one.as, err = p.expectName(); err != nil {
				return nil, err
			}
		}
		n.names = append(n.names, one)
		if !p.skip(",") {
			break
		}
	}
	if len(n.names) == 0 {
		if _, err := p.expectName(); err != nil {
			return nil, err
		}
	}
	n.context = p.withContext(false)
	return n, p.blockEnd()
}

func (p *parser) withTag(t token) (node, error) {
	n := &withNode{line: t.line}
	for p.peek().kind != tokenBlockEnd {
		if len(n.targets) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		to, err := p.targetItem()
		if err != nil {
			return nil, err
		}
		if err := p.expect("="); err != nil {
			return nil, err
		}
		x, err := p.single(true)
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, to), append(n.values, x)
	}
	p.take()
	var err error
	n.body, err = p.closed("endwith")
	return n, err
}

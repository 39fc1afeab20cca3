# Renders templates with Python's Jinja2: JSON lines in, JSON lines out.
import json, sys
import jinja2
from jinja2.nativetypes import NativeEnvironment

for line in sys.stdin:
    case = json.loads(line)
    options = dict(case.get("options") or {})
    strict = options.pop("strict", False)
    chainable = options.pop("chainable", False)
    native = options.pop("native", False)
    env = (NativeEnvironment if native else jinja2.Environment)(
        undefined=jinja2.StrictUndefined if strict else jinja2.ChainableUndefined if chainable else jinja2.Undefined,
        loader=jinja2.DictLoader(case.get("files") or {}), extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], **options)
    try:
        text = env.from_string(case["source"]).render(case.get("vars") or {})
        out = {"text": repr(text) if native else text}
    except jinja2.UndefinedError as e:
        out = {"kind": "undefined", "message": str(e)}
    except jinja2.TemplateSyntaxError as e:
        out = {"kind": "syntax", "message": str(e), "line": e.lineno}
    except Exception as e:
        out = {"kind": "runtime", "message": str(e)}
    print(json.dumps(out), flush=True)

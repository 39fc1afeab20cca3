# Times Python's Jinja2 on the templates that the Go benchmark renders: name and microseconds a line.
import json
import sys
import timeit

import jinja2

with open(sys.argv[1]) as f:
    data = json.load(f)
env = jinja2.Environment()
for name, source in data["templates"].items():
    timer = timeit.Timer(lambda t=env.from_string(source): t.render(data["vars"]))
    n, _ = timer.autorange()
    print(name, min(timer.repeat(5, n)) / n * 1e6)

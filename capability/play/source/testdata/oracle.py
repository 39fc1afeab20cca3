# Loads documents with PyYAML: JSON texts in, Python's repr out, a line each.
import json, sys
import yaml

for line in sys.stdin:
    try:
        print(json.dumps({"repr": repr(yaml.load(json.loads(line), Loader=yaml.SafeLoader))}))
    except Exception as e:
        print(json.dumps({"error": str(e).splitlines()[0]}))

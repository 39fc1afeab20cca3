"""Runs modules of the installed Ansible: one JSON object {module, args} a line
on standard input, one JSON result a line on standard output."""
import json
import os
import runpy
import sys

from ansible.module_utils import basic


def child(module, args, out):
    os.dup2(out, 1)
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit:
        pass
    except BaseException:
        try:
            sys.excepthook(*sys.exc_info())
        except SystemExit:
            pass
    sys.stdout.flush()
    os._exit(0)


def run(module, args):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(module, args, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    try:
        result = json.loads(said)
    except ValueError:
        return {"failed": True, "crashed": said.decode(errors="replace")}
    result.pop("invocation", None)
    return result


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(run(request["module"], request["args"])), flush=True)

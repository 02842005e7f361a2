"""What the scenarios in Python share: where the server is, and how they tell what worked."""

import asyncio
import importlib.metadata
import json
import os
import sys
import time

HOST = os.environ["KV_HOST"]
PORT = int(os.environ["KV_PORT"])
PASSWORD = os.environ["KV_PASSWORD"]
URL = f"redis://:{PASSWORD}@{HOST}:{PORT}/0"


def tell(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def version(package):
    tell({"version": importlib.metadata.version(package)})


def check(name):
    """Runs the function, or coroutine, at once and tells how long it took, or why it failed."""

    def run(function):
        began = time.monotonic()
        error = None
        try:
            result = function()
            if asyncio.iscoroutine(result):
                asyncio.run(asyncio.wait_for(result, 30))
        except BaseException as raised:  # whatever it is, it is the answer
            error = f"{type(raised).__name__}: {raised}"
        line = {"check": name, "ms": round(1000 * (time.monotonic() - began))}
        tell(line if error is None else {**line, "error": error})
        return function

    return run


def until(is_true, seconds=20):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError("did not come true")
        time.sleep(0.02)

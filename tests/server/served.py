"""A real server of its own for a test: a process on a free port of loopback, stopped at the end."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass


@dataclass
class Served:
    """A running server."""

    url: str
    token: str | None
    process: subprocess.Popen
    home: object

    def ask(self, path, *, method="GET", body=None, token=None, headers=None):
        """(status, headers, bytes) of one request; the admin token unless another is given."""
        token = self.token if token is None else token
        headers = (
            {"Authorization": f"Bearer {token}", **(headers or {})} if token else headers or {}
        )
        if body is not None and not isinstance(body, bytes):
            body, headers = (
                json.dumps(body).encode(),
                {"Content-Type": "application/json", **headers},
            )
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, path, **how):
        """The JSON that a request which succeeds is answered with."""
        status, _, body = self.ask(path, **how)
        assert 200 <= status < 300, (status, body)
        return json.loads(body)


@contextlib.contextmanager
def stopping(process):
    """Stop *process* when the block ends, kindly and then not."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


@contextlib.contextmanager
def serving(home, *options, env=None, token=None):
    """``trainfare serve`` on *home*; the secret of its first admin token where it is new."""
    process = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "serve", "--port", "0", *options],
        env={**os.environ, "TRAINFARE_HOME": str(home), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with stopping(process):
        first = process.stdout.readline()
        found = re.search(r" at (http://\S+)", first)
        assert found, first + process.stderr.read()
        if token is None:
            token = process.stdout.readline().rpartition(" ")[2].strip()
        yield Served(found[1], token, process, home)

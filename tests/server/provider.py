"""An identity provider of its own for a test: a real process on loopback."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request


@contextlib.contextmanager
def providing(*people, options=()):
    """A provider that knows *people* (claims with ``sub``); yields its issuer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = [word for one in people for word in ("--user-claims", json.dumps(one))]
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), *known, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/jwks", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(url, process):
    for _ in range(300):
        assert process.poll() is None, "the provider ended"
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=10).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")

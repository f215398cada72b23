"""Imports and forks: a child never waits for a thread that it does not have."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

FORKING = """
    import os, threading
    from trainfare.metering import loading

    began, goes_on = threading.Event(), threading.Event()
    def load():
        began.set()
        goes_on.wait(WAITS)
    threading.Thread(target=loading.import_alone, args=(load,)).start()
    began.wait()
    child = os.fork()
    if child == 0:
        loading.import_alone(lambda: os.write(1, b"child "))
        os._exit(0)
    os.waitpid(child, 0)
    goes_on.set()
    loading.import_alone(lambda: os.write(1, b"parent"))
"""


@pytest.mark.parametrize("waits", ["0.2", "None"], ids=["short", "longer-than-a-fork-waits"])
def test_after_a_fork_during_an_import_both_can_import(waits):
    """The lock of the thread that imported is not the child's, whether or not the fork got it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKING.replace("WAITS", waits))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("child parent", "")

"""What several rooms' tests share: programs that a test drives for real."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from buckets import aws, aws_here, bucket  # noqa: F401 (fixtures for all)
from postgres import new_database, postgres  # noqa: F401 (likewise)

# Laws are tried without a clock: the machine may be shared, and slow is not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# What the runner of many processes tells its workers would be taken for a user's wish.
os.environ.pop("COLUMNS", None)

# A shell that starts tests in the background lets them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    """``need("gcc")`` returns the program's path, or skips the test and says why.

    With TRAINFARE_REQUIRE_ALL=1, as on a machine that must run everything, it fails instead.
    """

    def find(tool: str) -> str:
        path = shutil.which(tool)
        if path is None:
            sentence = f"{tool} is not on the PATH; `make system-deps` installs what tests drive"
            if os.environ.get("TRAINFARE_REQUIRE_ALL") == "1":
                pytest.fail(sentence)
            pytest.skip(sentence)
        return path

    return find

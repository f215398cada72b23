"""dbt: an invocation metered as one data run, each model its own stage, each table an output.

    python -m trainfare.integrations.dbt build --select tokens      # instead of: dbt build …

or, in Python, ``trainfare.integrations.dbt.invoke(["build", "--select", "tokens"], team="data")``.
A training that reads a table says so by the table's name: ``run.dataset("snowflake://DB/SCHEMA/T")``.

Source: dbt, "Programmatic invocations" and "Registering callbacks".
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from trainfare.core.stage import DATA, Status
from trainfare.metering.dbt_artifacts import read_invocation
from trainfare.metering.notice import warn
from trainfare.metering.track import Run, track

FAILED, BROKEN = 1, 2
"""Exit codes of dbt: a node failed; dbt itself could not go on."""


def invoke(arguments: Sequence[str], **words: Any) -> Any:
    """Invoke dbt and meter it; the result is dbt's own (``dbtRunnerResult``).

    Args:
        arguments: as on dbt's command line.
        words: as ``trainfare.track`` takes them: name, team, price …
    """
    from dbt.cli.main import dbtRunner

    command = next((one for one in arguments if not one.startswith("-")), "")
    words.setdefault("name", f"dbt {command}".strip())
    with ExitStack() as metered:
        run = metered.enter_context(track(stage=DATA, **words))
        stages = _Stages(run)
        metered.callback(stages.end)
        result = dbtRunner(callbacks=[stages.hear]).invoke(list(arguments))
        stages.end()
        _record(run, result)
        if not result.success:
            why = type(result.exception).__name__ if result.exception else "a node failed"
            run.finish(Status.FAILED, error=f"dbt: {why}")
    return result


class _Stages:
    """The model that dbt began last, as the stage ``data/MODEL``; threads work side by side."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._open: ExitStack | None = None
        self._lock = threading.Lock()

    def hear(self, event: Any) -> None:
        try:
            if event.info.name == "NodeStart":
                name = event.data.node_info.unique_id.split(".")[-1]
                self.end(then=f"{DATA}/{name}")
        except Exception as error:
            warn("a stage of dbt is not recorded: %s", type(error).__name__)

    def end(self, then: str | None = None) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None if then is None else ExitStack()
            if self._open is not None:
                self._open.enter_context(self._run.stage(str(then)))


def _record(run: Run, result: Any) -> None:
    """What it made and read; commands that make nothing (parse, ls) have no results."""
    arguments = getattr(result.result, "args", None)
    if not isinstance(arguments, dict):
        return
    try:
        target = arguments.get("target_path") or os.environ.get("DBT_TARGET_PATH") or "target"
        found = read_invocation(Path(arguments.get("project_dir") or ".", target))
        for uri in found.reads:
            run.dataset(uri)
        for table in found.tables:
            run.output(table.uri, weight=table.took_us, of=table.of)
    except Exception as error:
        warn("what dbt made is not recorded: %s", error)


if __name__ == "__main__":
    done = invoke(sys.argv[1:])
    sys.exit(0 if done.success else BROKEN if done.exception else FAILED)

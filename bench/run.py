"""``make bench``: every benchmark beside its peers in one run, and one report of them.

    python -m bench.run                     all of them, some hours on a quiet machine
    python -m bench.run ingest meter        some; what the report says of the others stays
    python -m bench.run --light             small sizes, under 5 minutes, held against the baseline
    python -m bench.run --light --keep 3    so many light runs, kept as the baseline

Each runs in a process of its own with a limit of time, and hands back tables of one form
(:mod:`bench.table`); what it printed stands in ``bench/out/NAME.txt``, its warnings and those of the
peers in ``NAME.errors.txt``. The report is ``RESULTS.md``,
``RESULTS.json`` and charts in ``bench/charts``; a light run writes its own below ``bench/out``.

The exit code is 1 where a benchmark broke, or where a light run is worse than the baseline.
Only ratios to a peer or limit of the same run are compared, never seconds (:mod:`bench.baseline`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.baseline import BASELINE, compare, keep
from bench.meter_ground import BENCH, OUT, REPOSITORY, load
from bench.report import write_report
from bench.table import FIGURES, machine_sentence

FRAMEWORKS = REPOSITORY / ".venv-frameworks" / "bin" / "python"
SPARK = "{spark}"
"""Stands for the words that name an interpreter with Spark, where there is one."""

LIGHT_SECONDS = 600
"""On a quiet machine each takes less than a minute; a busy one only takes longer."""


@dataclass(frozen=True)
class Bench:
    """How one benchmark is called."""

    module: str
    words: tuple[str, ...] = ()
    light: tuple[str, ...] | None = None
    """With small sizes; None: not in a light run."""
    seconds: int = 1800
    needs_frameworks: bool = False


BENCHES = {
    "meter": Bench("meter", light=("--quick", "import", "step"), seconds=3600),
    "callbacks": Bench("callbacks", seconds=3600, needs_frameworks=True),
    "bill_import": Bench("bill_import", ("10_000_000",), ("200_000",)),
    "allocation_time": Bench("allocation_time", ("10_000_000", "100_000"), ("200_000", "20_000")),
    "allocation_peers": Bench(
        "allocation_peers", ("10_000_000", "100_000", SPARK), ("200_000", "20_000")
    ),
    "scale": Bench("scale", ("local[2]", "10_000_000x100_000"), seconds=7200),
    "incremental": Bench("incremental", ("10_000_000", "100_000"), ("200_000", "20_000")),
    "ingest": Bench("ingest", ("4", "5"), ("2", "3")),
    "sights": Bench("sights"),
    "answers": Bench("answers", seconds=14_400),
    "advise": Bench("advise", seconds=3600),
    "run_advice": Bench("run_advice"),
    "commitments": Bench("commitments"),
    "spot_policies": Bench("spot_policies"),
    "forecast_error": Bench("forecast_error"),
    "reconcile_error": Bench("reconcile_error"),
    "anomaly": Bench("anomaly"),
    "month": Bench("month", seconds=3600),
}
"""What takes a GPU, ``bench.gpu_check``, is called by itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--light", action="store_true", help="small sizes, against the baseline")
    parser.add_argument("--keep", type=int, metavar="RUNS", help="keep light runs as baseline")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHES)}")
    names = asked.names or [n for n, one in BENCHES.items() if not asked.light or one.light]
    OUT.mkdir(exist_ok=True)
    if asked.keep:
        runs = [_run_all(names, is_light=True)["results"] for _ in range(asked.keep)]
        keep(runs, machine_sentence())
        return 0
    document = _run_all(names, is_light=asked.light)
    broken = [one["name"] for one in document["results"] if one["broken"]]
    if not asked.light:
        document["results"] = _with_kept(document["results"])
    worse = list(_worse(document["results"])) if asked.light else []
    document["worse"] = worse
    print(write_report(document, OUT / "light" if asked.light else BENCH))
    for sentence in worse:
        print(sentence, file=sys.stderr)
    return 1 if broken or worse else 0


def _worse(results: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What is worse than the baseline, and is so again when its benchmark is run once more.

    Somebody else's work on the machine is seldom there twice; a change of the code is.
    """
    first = compare(results)
    worse = [one["name"] for one in results if compare([one])]
    again = [_run(name, BENCHES[name], is_light=True) for name in worse]
    for name, sentence in compare(again).items():
        if name in first:
            yield sentence


def _with_kept(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """These results beside those that the report has of other benchmarks."""
    path = BENCH / "RESULTS.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    found = {one["name"]: one for one in (*kept, *results)}
    return [found[name] for name in BENCHES if name in found]


def _run_all(names: Iterable[str], *, is_light: bool) -> dict[str, Any]:
    return {
        "light": is_light,
        "baseline": BASELINE.name,
        "versions": _versions(),
        "results": [_run(name, BENCHES[name], is_light=is_light) for name in names],
    }


def _run(name: str, bench: Bench, *, is_light: bool) -> dict[str, Any]:
    """One benchmark in a process of its own: its tables, or why there are none."""
    print(f"… {name}", file=sys.stderr, flush=True)
    found: dict[str, Any] = {"name": name, "tables": [], "skipped": None, "broken": None}
    if bench.needs_frameworks and not FRAMEWORKS.exists():
        return {**found, "skipped": "no .venv-frameworks here; `make frameworks` makes it"}
    figures, said = OUT / f"{name}.figures.json", OUT / f"{name}.txt"
    figures.unlink(missing_ok=True)
    python = str(FRAMEWORKS) if bench.needs_frameworks else sys.executable
    words = [*_words((bench.light or ()) if is_light else bench.words)]
    measured, before, began = machine_sentence(), load(), time.monotonic()
    errors = OUT / f"{name}.errors.txt"
    with said.open("w", encoding="utf-8") as file, errors.open("w", encoding="utf-8") as aside:
        try:
            done = subprocess.run(
                [python, "-m", f"bench.{bench.module}", *words],
                cwd=REPOSITORY,
                env={**os.environ, FIGURES: str(figures)},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=aside,
                timeout=LIGHT_SECONDS if is_light else bench.seconds,
                check=False,
            )
            # The meter says 1 where it missed a target, which its tables say too.
            broken = None if done.returncode in (0, 1) else f"it ended with {done.returncode}"
            broken = broken or (
                f"it ended with {done.returncode}"
                if done.returncode and not figures.exists()
                else None
            )
        except subprocess.TimeoutExpired as error:
            broken = f"it took more than {error.timeout:.0f} s"
    return {
        **found,
        "command": " ".join(["python", "-m", f"bench.{bench.module}", *words]),
        "broken": broken,
        "measured": measured,
        "seconds": time.monotonic() - began,
        "load": [before, load()],
        "tables": json.loads(figures.read_text()) if figures.exists() else [],
        "said": said.read_text(encoding="utf-8", errors="replace"),
    }


def _words(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if word != SPARK:
            yield word
        elif FRAMEWORKS.exists() and shutil.which("java"):
            yield from ("--spark", str(FRAMEWORKS.relative_to(REPOSITORY)))


def _versions() -> dict[str, str]:
    """Of what is measured and of the peers of this environment and of the frameworks' one."""
    names = (
        *("trainfare", "duckdb", "pyarrow", "pandas", "polars", "pyspark", "mlflow", "wandb"),
        *("trackio", "clearml", "tensorboard", "codecarbon", "resource-tracker", "torch"),
    )
    code = (
        "import sys, json, importlib.metadata as m\n"
        "def version(name):\n"
        "    try: return m.version(name)\n"
        "    except m.PackageNotFoundError: return None\n"
        "print(json.dumps({n: v for n in sys.argv[1:] if (v := version(n))}))"
    )
    found: dict[str, str] = {}
    for python in (OUT / "peers-venv" / "bin" / "python", FRAMEWORKS, sys.executable):
        if os.path.exists(python):
            asked = subprocess.run(
                [str(python), "-c", code, *names], capture_output=True, text=True, check=True
            )
            found |= json.loads(asked.stdout)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    sys.exit(main())

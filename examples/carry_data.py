"""A script prepares data, two trainings read different parts of it, and its cost is carried to them.

Run it as it is: ``python examples/carry_data.py``. Everything goes into a home of its own.
"""

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="trainfare-data-"))
os.environ["TRAINFARE_HOME"] = str(FOLDER / "home")
os.environ["TRAINFARE_METADATA"] = "off"

import trainfare  # noqa: E402 (it reads its settings when the first run starts)

CLEAN = FOLDER / "clean@v1"


def prepare() -> None:
    """The data run: one file per thousand numbers that are no multiple of seven."""
    with trainfare.track("prepare", run_id="prepare", stage="data", price="3.6/h") as run:
        CLEAN.mkdir()
        for part in range(4):
            numbers = [n for n in range(part * 100_000, (part + 1) * 100_000) if n % 7]
            (CLEAN / f"part-{part}").write_text("\n".join(map(str, numbers)))
        run.output(CLEAN)


def train(name: str, parts: int) -> None:
    """A training that reads so many parts, and says how many bytes that were."""
    read = 0
    with trainfare.track(name, run_id=name, model=name, price="7.2/h") as run:
        for part in run.steps(sorted(CLEAN.iterdir())[:parts]):
            read += len(part.read_bytes())
            run.dataset(CLEAN, read=read)


prepare()
train("large", 4)
train("small", 1)
table = trainfare.report(by="run", carry="bytes")
print(table)
assert table.total["estimated_with_data"] == table.total["estimated"]

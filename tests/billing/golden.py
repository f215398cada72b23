"""Golden cases: a bill as a small file, and beside it what must come of it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from billing.bills import read

CASES = Path(__file__).parent / "cases"


def check_golden(name: str, place: str = "in.csv") -> None:
    """What is read from *place* in ``cases/NAME`` is what ``cases/NAME/out.json`` says.

    With TRAINFARE_UPDATE=1 in the environment it is written instead; review the difference like
    code. Columns that are null, or the same in every row, stand once or not at all.
    """
    bill, rows = read(CASES / name / place)
    told = [{column: _text(value) for column, value in row.items()} for row in rows]
    alike = {
        column: value
        for column, value in told[0].items()
        if all(row[column] == value for row in told)
    }
    found = {
        "format": bill.format,
        "notices": list(bill.notices),
        "every row": {column: value for column, value in alike.items() if value is not None},
        "rows": [
            {
                column: value
                for column, value in row.items()
                if column not in alike and value is not None
            }
            for row in told
        ],
    }
    path = CASES / name / "out.json"
    if os.environ.get("TRAINFARE_UPDATE") == "1":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert found == json.loads(path.read_text("utf-8"))


def _text(value: object) -> object:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value

# /// script
# requires-python = ">=3.11"
# dependencies = ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"]
# ///
"""dbt builds three tables in DuckDB; a training reads the last and carries what went into it."""

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="trainfare-dbt-"))
os.environ["TRAINFARE_HOME"] = str(FOLDER / "home")
os.environ["TRAINFARE_METADATA"] = "off"
os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"

import trainfare  # noqa: E402 (it reads its settings when the first run starts)
from trainfare.integrations import dbt  # noqa: E402

FILES = {
    "dbt_project.yml": (
        'name: lake\nversion: "1.0"\nprofile: lake\nmodels: {lake: {+materialized: table}}\n'
    ),
    "profiles.yml": "lake:\n  target: dev\n  outputs: {dev: {type: duckdb, path: lake.duckdb}}\n",
    "models/raw.sql": "select range as id, hash(range) as token from range(500000)",
    "models/clean.sql": "select token % 1000 as token from {{ ref('raw') }} where id % 2 = 0",
    "models/words.sql": "select token, count(*) as n from {{ ref('clean') }} group by token",
}
os.chdir(FOLDER)
Path("models").mkdir()
for name, text in FILES.items():
    Path(name).write_text(text)

done = dbt.invoke(["-q", "run", "--profiles-dir", "."], run_id="lake", price="3.6/h")
assert done.success

with trainfare.track(run_id="train", price="7.2/h") as run:
    run.dataset("duckdb://lake/main/words")

print(trainfare.receipt("lake"))
print(trainfare.report(by="run", carry="even"))

"""``trainfare jobs``: when each runs, and why one does not."""

import re

import pytest

PLAN = """
[when]
bills = "off"
alerts = "90s"
[[bill]]
place = "s3://b/{month}/"
source = "aws"
"""


@pytest.mark.parametrize(
    ("job", "when"),
    [("bills", "off"), ("usage", "off; needs [[usage]] in jobs.toml"), ("alerts", "90s")],
)
def test_a_job_is_off_because_it_was_turned_off_or_because_something_is_missing(
    home, text, monkeypatch, job, when
):
    monkeypatch.setenv("COLUMNS", "200")
    home.mkdir()
    (home / "jobs.toml").write_text(PLAN)
    lines = text("jobs", "list").splitlines()
    [row] = [re.split(r" {2,}", line.strip()) for line in lines if line.startswith(f"{job} ")]
    assert row[1] == when

"""DAWNBench's frontier of CIFAR10 reproduced: time and money to 94 % of every entry with a price.

Each entry's own table is imported as a run at its stated price; which of them no other beats in
both is computed here a second time, from the files alone.
"""

import csv
import json
from decimal import Decimal
from fractions import Fraction

import pytest

from flows.bills import trainfare
from logs.samples import trace
from trainfare.advice.scaling import pareto

START = "2026-10-01T08:00:00Z"
CHAMPIONS = {
    "BAIDU-USA-GAIT_BaiduNet9P_8GV100_pytorch",
    "BAIDU-USA-GAIT_BaiduNet9_1GV100_pytorch",
}
"""One GPU is cheapest, eight are soonest; nothing else that states a price is both better."""


@pytest.fixture(scope="module")
def published():
    """Entry → (hours to 94 %, dollars to 94 %, its price), of those that state one."""
    found = {}
    for path in sorted(trace("published/dawnbench/CIFAR10/train").glob("*.json")):
        price = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal).get("costPerHour")
        if not price:
            continue
        with path.with_suffix(".tsv").open(encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row][1:]
        hours = next(Fraction(row[1]) for row in rows if Decimal(row[2]) >= 94)
        found[path.stem] = (hours, hours * Fraction(str(price)), price)
    return found


def test_the_frontier_of_the_entries_is_that_of_their_files(tmp_path, published):
    folder = trace("published/dawnbench/CIFAR10/train")
    names = {}
    for name, (_, _, price) in published.items():
        done = trainfare(tmp_path, "runs", "import", folder / f"{name}.tsv",
                         "--price", f"{price}/h", "--start", START)  # fmt: skip
        names[done["runs"][0]["run"]] = name
    answer = trainfare(tmp_path, "frontier", "--metric", "top1Accuracy", "--target", "94")
    front = {names[row["run"]] for row in answer["rows"] if row["frontier"] == "yes"}
    points = [(float(hours), float(money)) for hours, money, _ in published.values()]
    assert front == {list(published)[place] for place in pareto(points)} == CHAMPIONS
    for row in answer["rows"]:
        money = published[names[row["run"]]][1]
        assert abs(Fraction(row["estimated"]) - money) <= Fraction(1, 10**9)


def test_spending_more_has_bought_time_on_the_frontier(published):
    ordered = sorted(published.values())
    front = [ordered[place] for place in pareto([(float(h), float(m)) for h, m, _ in ordered])]
    assert len(front) >= 2
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in zip(front, front[1:], strict=False))

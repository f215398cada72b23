"""DAWNBench's training costs reproduced: hourly price × time to 94 % accuracy, entry by entry.

DAWNBench's rule: the cost of an entry is the time of the first epoch with at least 94 % of accuracy
times its stated price per hour. A run that is imported from the entry's own table must give that to
the nano. What does not match is named with its reason.
"""

import csv
import json
import re
from decimal import Decimal
from fractions import Fraction

import pytest

from flows.bills import trainfare
from logs.samples import trace
from trainfare.core.machine import Machine
from trainfare.core.price import Price
from trainfare.metering.machine import provider_of_instance
from trainfare.prices.book import PriceBook

START = "2026-10-01T08:00:00Z"
NANO = Fraction(1, 10**9)
INSTANCE = re.compile(r"\b(?:[gp]\d\.\d*xlarge|n1-standard-\d+)\b")


class Entry:
    """One submission: what it states, and its table of epochs, hours and accuracy."""

    def __init__(self, path):
        self.table = path.with_suffix(".tsv")
        document = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
        self.price = document.get("costPerHour")
        self.instance = INSTANCE.search(document["hardware"])
        with self.table.open(encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row][1:]
        self.hours = [Fraction(row[1]) for row in rows]
        self.reached = next(n for n, row in enumerate(rows) if Decimal(row[2]) >= 94)


@pytest.fixture(scope="module")
def entries():
    return [
        Entry(path) for path in sorted(trace("published/dawnbench/CIFAR10/train").glob("*.json"))
    ]


def imported(home, entry):
    run = trainfare(
        home, "runs", "import", entry.table, "--price", f"{entry.price}/h", "--start", START
    )["runs"][0]["run"]
    return trainfare(home, "receipt", run)


def test_every_published_cost_is_price_times_time_to_accuracy(tmp_path, entries):
    priced = [entry for entry in entries if entry.price]
    assert (len(entries), len(priced)) == (31, 20)
    for entry in priced:
        receipt = imported(tmp_path / "home", entry)
        assert len(receipt["epochs"]) == len(entry.hours)
        until = receipt["epochs"][: entry.reached + 1]
        reached = sum(Fraction(one["estimated"]) for one in until)
        published = Fraction(str(entry.price)) * entry.hours[entry.reached]
        # An hour's decimals are finer than a nanosecond: so much may be lost, and half a nano.
        assert abs(reached - published) <= NANO, entry.table.name
        whole = Fraction(receipt["estimated"]["total"])
        assert abs(whole - Fraction(str(entry.price)) * entry.hours[-1]) <= NANO


def test_every_epoch_takes_the_time_between_its_row_and_the_one_before(tmp_path, entries):
    for entry in entries:
        run = trainfare(
            tmp_path / "home", "runs", "import", entry.table, "--price", "1/h", "--start", START
        )["runs"][0]["run"]
        seconds = [one["seconds"] for one in trainfare(tmp_path / "home", "receipt", run)["epochs"]]
        lengths = [b - a for a, b in zip([0, *entry.hours], entry.hours, strict=False)]
        assert seconds == pytest.approx([float(length * 3600) for length in lengths], abs=2e-6)


def test_the_money_to_accuracy_is_less_than_the_money_of_the_run(entries):
    """Entries train on after 94 %: one publishes 22 % of what its machine was paid for."""
    shares = {
        entry.table.name: float(entry.hours[entry.reached] / entry.hours[-1])
        for entry in entries
        if entry.price
    }
    assert min(shares.values()) == pytest.approx(0.2244, abs=1e-4)
    assert sum(share == 1 for share in shares.values()) == 3


def test_stated_prices_are_list_prices_or_differ_for_a_known_reason(tmp_path, entries):
    """Four are today's list price; Google's CPU machines carry the 30 % of sustained use."""
    book = PriceBook(tmp_path)
    verdicts = {}
    for entry in entries:
        if not entry.price:
            verdict = "no price stated: its cost was never published"
        elif entry.instance is None:
            verdict = "names no instance: its price cannot be checked"
        else:
            name = entry.instance[0]
            provider = provider_of_instance(name)
            region = {"aws": "us-east-1", "gcp": "us-central1"}[provider]
            machine = Machine(
                "x", "x", provider, region, instance_type=name, purchase_option="on_demand"
            )
            found = book.machine_price(machine, 0)
            if not isinstance(found, Price):
                verdict = "no longer sold: nobody lists it"
            elif found.amount == Decimal(str(entry.price)):
                verdict = "the list price"
            else:
                share = Decimal(str(entry.price)) / found.amount
                assert share == pytest.approx(Decimal("0.70"), abs=Decimal("0.002"))
                verdict = "30 % below the list price: sustained use"
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    assert verdicts == {
        "no price stated: its cost was never published": 11,
        "names no instance: its price cannot be checked": 8,
        "no longer sold: nobody lists it": 4,
        "the list price": 4,
        "30 % below the list price: sustained use": 4,
    }

"""What was really saved, on bills: an unchanged month saves nothing, advice that is followed its promise."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cli.recordings import Recorder
from flows.bills import trainfare
from flows.rides import charge, instant, write_charges
from metering.instruments import Clock

pytest.importorskip("duckdb")

from trainfare.core.price import Price

LISTED = Price("aws/us-east-1/p5.48xlarge/on_demand", Decimal("55.04"), "h", source="a list")
DAYS = {"9": 25, "10": 5}


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


def record(home, run, start, stages, *, error=None):
    """One run that goes through *stages* from second *start* of the clock on; when it ended."""
    clock = Clock()
    clock.advance(start)
    made = Recorder(home, run, clock=clock, gpus=8, price=LISTED, labels={"experiment": "e1"})
    for stage, seconds in stages:
        made.stage(stage)
        made.ride(seconds, steps=10)
    made.end("failed" if error else "finished", error=error)
    return start + sum(seconds for _, seconds in stages)


def month(home, number, *, evaluation=900, failures=3):
    """A month of four epochs, so many failures, and the bill of the machine's hours."""
    begun = datetime(2026, int(number), DAYS[number], tzinfo=UTC).timestamp()
    start = begun - Clock().wall / 10**9
    at = record(home, f"good-{number}", start, [("train", 1500), ("eval", evaluation)] * 4)
    for n in range(failures):
        at = record(home, f"bad-{number}-{n}", at, [("train", 900)], error="boom")
    words = {"effective": "55.04", "month": number, "day": DAYS[number]}
    kind = '{"InstanceType": "p5.48xlarge"}'
    rows = [
        charge("i-0abc", at=hour, SkuPriceDetails=kind, **words)
        for hour in range(int(-(-(at - start) // 3600)))
    ]
    trainfare(home, "bill", "import", write_charges(home / f"{number}.csv", *rows))
    trainfare(home, "allocate")


@pytest.mark.parametrize(
    ("october", "evaluated", "failed"),
    [
        ({}, "0.00", "0.00"),  # nothing changed
        ({"evaluation": 450}, "27.52", "0.00"),  # done as advised: an hour of evaluation is a half
        ({"failures": 0}, "0.00", "41.28"),  # mended: three quarters of an hour, the first one too
        ({"failures": 1}, "0.00", "27.52"),  # mended after the first, as was promised
        ({"evaluation": 450, "failures": 1}, "27.52", "27.52"),  # neither counts the other's
    ],
)
def test_an_unchanged_month_saves_nothing_and_what_is_followed_its_promise(
    tmp_path, monkeypatch, october, evaluated, failed
):
    """$55.04 an hour; of September's, an hour is evaluation and half an hour came to fail again."""
    month(tmp_path, "9")
    accepted_ns = instant(28, 0, month="9")
    monkeypatch.setattr("trainfare.flows.decisions.time.time_ns", lambda: accepted_ns)
    for one in trainfare(tmp_path, "advise")["recommendations"]:
        if one["rule"] in ("evaluations", "failed_again", "spot_machines"):
            trainfare(tmp_path, "advise", "accept", one["id"])
    month(tmp_path, "10", **october)
    found = {one["rule"]: one for one in trainfare(tmp_path, "advise", "decided")["decided"]}
    for rule, expected in (("evaluations", evaluated), ("failed_again", failed)):
        assert Decimal(found[rule]["promised"]).quantize(Decimal("0.01")) == Decimal("27.52")
        saved = Decimal(found[rule]["realized"]["saving"])
        assert abs(saved - Decimal(expected)) < Decimal("0.000001")
    assert found["spot_machines"]["realized"]["saving"] is None
    assert "same work" in found["spot_machines"]["realized"]["why"]

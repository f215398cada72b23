"""Advice on how runs train, from real records: planted waste is found once, by the whole path."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from cli.recordings import MACHINE, Recorder
from flows.bills import said, trainfare
from metering.instruments import Clock, gpu
from trainfare.core.money import Money
from trainfare.core.price import Price
from trainfare.flows.advice_history import gather
from trainfare.flows.run_advice import advise_runs, family_in
from trainfare.prices.book import PriceBook
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import make_world

LISTED = Price("aws/us-east-1/p5.48xlarge/on_demand", Decimal("55.04"), "h", source="a list")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", "")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def train(home, run, *, at=0, evaluate=100, labels=None):
    """An hour of training with ten evaluations, on eight busy GPUs."""
    clock = Clock()
    clock.advance(at)
    machine = replace(MACHINE, accelerators=tuple(gpu(n) for n in range(8)))
    made = Recorder(home, run, clock=clock, machine=machine, gpus=8, price=LISTED,
                    labels=labels or {"model": "llm"})  # fmt: skip
    made.stage("setup")
    made.ride(10)
    for epoch in range(10):
        made.stage("train", epoch)
        made.ride(360, steps=100)
        made.stage("eval", epoch)
        made.ride(evaluate)
        made.stage("checkpoint", epoch)
        made.ride(5)
    made.end()


def advised(home, *words):
    return trainfare(home, "advise", *words)


def test_evaluations_that_are_planted_are_found_and_a_clean_run_is_left_alone(home):
    train(home, "r-clean", evaluate=20)
    kinds = ("--kind", "efficiency", "--kind", "rightsize")
    assert advised(home, *kinds)["recommendations"] == []
    train(home, "r-bad", at=10_000, evaluate=200, labels={"model": "other"})
    [one] = advised(home, "--kind", "efficiency")["recommendations"]
    assert (one["rule"], one["subject"]) == ("evaluations", "model=other")
    share = 2000 / (10 + 3600 + 2000 + 50)
    paid = 55.04 * (10 + 3600 + 2000 + 50) / 3600
    assert float(one["saving"]) == pytest.approx(paid * share / 2, rel=1e-4)
    assert one["evidence"]["saving_per_epoch"] is not None


def test_spot_is_replayed_on_the_traces_of_the_home(home):
    """Half of the checkpoints' time is free of losses, so a run of an hour mostly gets through."""
    train(home, "r-1", evaluate=20)
    folder = home / "traces"
    folder.mkdir()
    ticks = ([1] * 200 + [0] * 10) * 10
    document = {"metadata": {"gap_seconds": 60}, "data": ticks}
    (folder / "aws.us-east-1a.p5.48xlarge.json").write_text(json.dumps(document))
    [one] = advised(home, "--kind", "spot")["recommendations"]
    assert one["subject"] == "model=llm on p5.48xlarge of aws us-east-1"
    assert "12 replays on traces with twice the time" in one["checked"]
    assert "0 late" in one["checked"]
    assert one["evidence"]["break_even_preemptions_per_hour"] > 0
    assert Money.parse(one["saving"]) < Money.parse(one["base"])


def test_a_trace_that_is_none_is_refused_with_its_name(home):
    train(home, "r-1", evaluate=20)
    (home / "traces").mkdir()
    (home / "traces" / "mine.json").write_text("{}")
    assert "PROVIDER.PLACE.TYPE.json" in said(home, "advise", code=2)
    (home / "traces" / "mine.json").rename(home / "traces" / "aws.x.p5.48xlarge.json")
    assert "is no trace" in said(home, "advise", code=2)


def test_every_dollar_is_claimed_once_over_all_kinds(home):
    train(home, "r-1", evaluate=200)
    train(home, "r-2", at=20_000, evaluate=200)
    answer = advised(home)
    assert len(answer["recommendations"]) > 1
    total = sum((Money.parse(one["saving"]) for one in answer["recommendations"]), Money.zero())
    assert total < Money.parse(answer["paid"]["USD"])


def test_a_made_up_company_hears_of_nothing_that_was_not_planted(home):
    """Its runs train as well as they can, in steps of any size: only price lists speak."""
    world = make_world(7, runs=40, days=3, machines=2, period="2026-09")
    write_records(world, home, PriceBook(home).machine_price, is_detailed=True)
    answer = advised(home, "--kind", "efficiency", "--kind", "rightsize", "--kind", "spot")
    rules = {one["rule"] for one in answer["recommendations"]}
    assert rules <= {"gpu_type_estimated", "spot_machines", "region"}
    assert all(one["confidence"] != "high" for one in answer["recommendations"])
    for one in answer["recommendations"]:
        amounts = [Money.parse(one[key]) for key in ("saving_low", "saving", "saving_high", "base")]
        assert amounts == sorted(amounts)


def test_what_was_accepted_is_told_until_it_is_measured(home):
    """Its scope is all that the work costs, also where nothing is left to save."""
    train(home, "r-1", evaluate=20)
    gathered = gather(home, frozenset({("evaluations", "model=llm"), ("evaluations", "gone")}))
    [one] = [r for r in advise_runs(gathered) if getattr(r, "rule", "") == "evaluations"]
    assert one.saving() == Money.zero()
    assert {slot.owner for slot in one.scope} == {"run:r-1"}


@pytest.mark.parametrize(
    ("subject", "family"),
    [
        ("model=llm on p5.48xlarge of aws us-east-1", "model=llm"),
        ("team=a on b on p5.48xlarge", "team=a on b"),
        ("model=llm", "model=llm"),
        ("model=none on p5.48xlarge", "model=none on p5.48xlarge"),
    ],
)
def test_the_kind_of_work_is_found_in_a_subject(subject, family):
    assert family_in(subject, {"model=llm", "team=a on b", "team=a"}) == family


def test_a_region_that_other_advice_leaves_too_little_for_is_refused_with_its_reason(home):
    """GPUs idle for 40 of 60 minutes: a quarter of what idle advice leaves is less than the $9 of moving."""
    tokyo = Price(
        "aws/ap-northeast-1/p4d.24xlarge/on_demand", Decimal("44.92"), "h", source="a list"
    )

    machine = replace(MACHINE, region="ap-northeast-1", instance_type="p4d.24xlarge",
                      accelerators=tuple(gpu(n) for n in range(8)))  # fmt: skip
    made = Recorder(home, "r-0", clock=Clock(), machine=machine, gpus=8, price=tokyo,
                    labels={"model": "llm"})  # fmt: skip
    made.stage("train", 0)
    made.keep("dataset", "s3://b/d.tar", 100 * 2**30)
    made.ride(1200, steps=1000)
    made.activity[:] = [0.0] * 8
    made.ride(2400)
    made.end()
    [told] = [one for one in advised(home)["not_recommended"] if one["rule"] == "region"]
    assert "--sku aws/ap-northeast-1/network/inter_region" in told["why"]
    said(home, "prices", "set", "--sku", "aws/ap-northeast-1/network/inter_region",
         "--price", "0.09/gb")  # fmt: skip
    answer = advised(home)
    assert "region" not in {one["rule"] for one in answer["recommendations"]}
    [told] = [one for one in answer["not_recommended"] if one["rule"] == "region"]
    assert told["why"].endswith("that doing it costs once")

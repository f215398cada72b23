"""The plan path: own runs and the price book in, ranked choices out, and refusals that say why."""

import gzip
import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from cli.recordings import MACHINE, Recorder
from flows.bills import said, trainfare
from metering.instruments import Clock, gpu
from trainfare.core.price import Price

HOURLY = Price("aws/us-east-1/p5.48xlarge/on_demand", Decimal("55.04"), "h", source="a list")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "home"


def train(home, run, *, seconds=60, gpus=8, at=0, steps=60, status="finished", **facts):
    """A training of *seconds* on so many GPUs of one machine."""
    clock = Clock()
    clock.advance(at)
    machine = replace(MACHINE, accelerators=tuple(gpu(n) for n in range(gpus)), **facts)
    made = Recorder(home, run, clock=clock, machine=machine, gpus=gpus, price=HOURLY,
                    labels={"model": "llm", "seed": run})  # fmt: skip
    made.stage("train", 0)
    made.ride(seconds, steps=steps)
    made.stage("checkpoint")
    made.ride(2)
    made.end(status)


def options(home, *words):
    return trainfare(home, "plan", *words)["options"]


def test_hours_of_a_gpu_are_priced_everywhere_it_is_sold(home):
    document = trainfare(home, "plan", "--gpu-hours", "80", "--gpu", "H100", "--no-spot",
                         "--region", "us-east-1", "--on", "H100", "--limit", "50")  # fmt: skip
    one = next(o for o in document["options"] if o["instance"] == "p5.48xlarge")
    assert (one["machines"], one["accelerators"], one["purchase_option"]) == (1, 8, "on_demand")
    hours = Fraction(80, 8) / Fraction(95, 100) ** 3
    assert one["hours"]["expected"] == pytest.approx(float(hours), abs=1e-6)
    assert float(one["estimated"]) == pytest.approx(
        float(hours) * float(one["price_per_hour"]), rel=1e-6
    )
    assert one["notes"][0].startswith("scaling assumed")
    amounts = [Fraction(o["estimated"]) for o in document["options"]]
    assert amounts == sorted(amounts)


def test_own_runs_say_how_fast_it_is(home):
    train(home, "r-1", seconds=60)
    [first, *_] = options(home, "--like", "r-1", "--times", "600", "--on", "H100", "--no-spot",
                          "--provider", "aws", "--region", "us-east-1")  # fmt: skip
    assert first["speed"] == "1 own run of the same work"
    assert first["speed_measured"] is True
    assert first["hours"]["expected"] == pytest.approx(600 * 62 / 3600, rel=1e-6)


def test_other_accelerators_are_estimated_and_say_so(home):
    train(home, "r-1")
    found = options(home, "--like", "r-1", "--times", "600", "--on", "A100-80GB", "--no-spot")
    assert found
    assert all("roofline estimate from H100" in one["speed"] for one in found)
    assert not any(one["speed_measured"] for one in found)
    assert all(o["hours"]["low"] < o["hours"]["expected"] < o["hours"]["high"] for o in found)


def test_no_estimate_contradicts_what_the_run_itself_measured(home, monkeypatch):
    """The same labels and as many steps on an A100 in a tenth of the time: other work."""
    train(home, "r-1", gpus=4)
    slower = "NVIDIA A100-SXM4-80GB"
    monkeypatch.setattr("cli.recordings.gpu", lambda n: replace(gpu(n), name=slower))
    train(home, "r-2", gpus=4, seconds=6, at=1000)
    document = trainfare(home, "plan", "--like", "r-1", "--times", "600", "--limit", "2000")
    assert any("own runs on A100-80GB" in note for note in document["notes"])
    found = [o for o in document["options"] if o["accelerator"] in ("A100-80GB", "L40S")]
    assert {one["accelerator"] for one in found} == {"A100-80GB", "L40S"}
    for one in found:
        assert "roofline estimate from H100" in one["speed"]
        assert one["hours"]["expected"] * one["accelerators"] > 600 * 62 / 3600 * 4


def test_three_numbers_of_gpus_make_an_own_law(home):
    for n, count in enumerate((2, 4, 8)):
        train(home, f"r-{count}", gpus=count, seconds=20 + 160 // count, at=1000 * n)
    document = trainfare(
        home, "plan", "--like", "r-8", "--times", "100", "--on", "H100", "--no-spot",
        "--limit", "500",
    )  # fmt: skip
    assert any("scaling from own runs on 2, 4, 8" in note for note in document["notes"])
    one = next(o for o in document["options"] if (o["machines"], o["accelerators"]) == (1, 2))
    assert one["hours"]["expected"] == pytest.approx(100 * 42 / 3600 * 100 / 40, rel=0.01)


def test_a_deadline_and_a_budget_are_kept_in_nine_of_ten_cases(home):
    words = ("--gpu-hours", "400", "--gpu", "H100", "--deadline", "30h", "--budget", "2000",
             "--max-gpus", "32", "--limit", "500")  # fmt: skip
    document = trainfare(home, "plan", *words)
    inside = [one for one in document["options"] if one["within"]]
    assert document["within"] == len(inside) > 0
    assert document["options"][: len(inside)] == inside
    for one in inside:
        assert one["late_probability"] <= 0.1
        assert one["over_budget_probability"] <= 0.1
        assert one["hours"]["expected"] <= 30


def test_traces_of_the_home_are_replayed_for_the_best_choice_on_spot(home):
    """Half an hour in every three is without a machine: greedy waits, and is in time all the same."""
    folder = home / "traces"
    folder.mkdir(parents=True)
    document = {"metadata": {"gap_seconds": 300}, "data": ([1] * 30 + [0] * 6) * 40}
    (folder / "aws.us-east-1c.p5.48xlarge.json.gz").write_bytes(
        gzip.compress(json.dumps(document).encode())
    )
    words = ("--gpu-hours", "80", "--gpu", "H100", "--region", "us-east-1", "--on", "H100")
    answer = trainfare(home, "plan", *words, "--deadline", "24h")
    assert answer["replayed"]["instance"] == "p5.48xlarge"
    rows = {row["policy"]: row for row in answer["replays"]}
    greedy = rows["greedy with a safety net"]
    assert greedy["late"] == 0
    assert rows["hindsight bound"]["of_on_demand"] <= greedy["of_on_demand"] < 1
    rate = answer["replayed"]["preemptions_per_hour"]
    assert rate["expected"] == pytest.approx(40 / 100, rel=0.05)
    text = said(home, "plan", *words, "--deadline", "24h")
    assert "12 replays of 1 × p5.48xlarge on spot in us-east-1" in text


def test_the_page_says_what_the_first_choice_rests_on(home):
    text = said(home, "plan", "--gpu-hours", "80", "--gpu", "H100", "--deadline", "20h")
    assert "within the limits in nine of ten cases" in text
    assert "first: 8 × H100; speed: stated" in text
    assert text.startswith("work of 80 hours of one H100: ")
    assert text.count("a checkpoint takes 2 min") == 1
    assert "note: a checkpoint takes 2 min" in text


def test_the_page_says_what_a_first_choice_on_spot_assumes_of_scaling(home):
    """Hours of one accelerator on eight of them are three doublings, and a day is no minutes."""
    words = ("--gpu-hours", "200", "--gpu", "H100", "--provider", "aws", "--on", "H100")
    [first] = options(home, *words, "--limit", "1")
    assert (first["purchase_option"], first["accelerators"]) == ("spot", 8)
    assert first["checkpoint_every_hours"] > 2
    text = said(home, "plan", *words)
    assert "kept with each doubling from 1 to 8 accelerators in a machine" in text
    assert f"save every {first['checkpoint_every_hours']:,.1f} h of work" in text


def test_where_nothing_is_within_the_limits_the_soonest_and_the_cheapest_are_named(home):
    words = ("--gpu-hours", "400", "--gpu", "H100", "--deadline", "1h", "--limit", "500")
    document = trainfare(home, "plan", *words)
    assert document["within"] == 0
    text = said(home, "plan", *words)
    least = min(one["hours"]["expected"] for one in document["options"])
    money = min(Fraction(one["estimated"]) for one in document["options"])
    assert "nothing is within the limits; with at most 8 accelerators" in text
    assert f"soonest: {least:,.1f} h and " in text
    assert f"and ${float(money):,.2f} on" in text.partition("cheapest: ")[2]


WORK = ("--gpu-hours", "5", "--gpu", "H100")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "say the work in one way"),
        (("--gpu-hours", "5"), "--gpu-hours needs the model"),
        (("--gpu-hours", "0", "--gpu", "H100"), "no work"),
        (("--gpu-hours", "5", "--gpu", "H900"), "no accelerator that is known"),
        (("--flops", "2e21"), "state it: --mfu 0.4"),
        (("--flops", "2e21", "--mfu", "40"), "lies between 0 and 1"),
        (("--gpu-hours", "5", "--gpu", "H100", "--deadline", "soon"), "no length of time"),
        (("--gpu-hours", "5", "--gpu", "H100", "--times", "0"), "no work"),
        ((*WORK, "--provider", "awss"), "the provider 'awss'; did you mean aws"),
        ((*WORK, "--provider", "aws", "--region", "us-esat-1"), "'us-esat-1'; did you mean us-"),
        ((*WORK, "--region", "mars-1"), "no machine is listed with the region 'mars-1'"),
        ((*WORK, "--budget", "900QQQ"), "no machine is listed with the currency 'QQQ'"),
        ((*WORK, "--dtype", "bf17"), "'bf17' is no number format"),
        (
            ("--gpu-hours", "5", "--gpu", "H100", "--memory", "9000"),
            "nothing that is for sale fits",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(home, words, complaint):
    code = 2
    text = said(home, "plan", *words, code=code)
    assert complaint in text
    assert "Traceback" not in text


def test_flops_at_a_stated_mfu_are_hours_of_every_gpu(home):
    found = options(
        home, "--flops", "2e21", "--mfu", "0.4", "--on", "H100", "--no-spot", "--max-gpus", "1"
    )
    hours = 2e21 / (989e12 * 0.4 * 3600)
    assert found[0]["hours"]["expected"] == pytest.approx(hours, rel=1e-6)
    assert "stated MFU of 40 %" in found[0]["speed"]

"""The chart path: homes with bills, with metered runs, with both; and the published frontier."""

import csv
import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from cli.recordings import Recorder, record_training
from clusters.readers import sample
from flows.bills import said, trainfare
from reports.chart_cases import exact, measured, rows_of

pytest.importorskip("duckdb")
pytest.importorskip("altair")

from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import HOUR
from trainfare.flows.chart_question import Question
from trainfare.flows.charts import CHARTS, draw
from trainfare.prices.book import PriceBook
from trainfare.reports.chart_file import png_of, spec_of
from trainfare.reports.chart_frontier import FrontierPoint, frontier
from trainfare.reports.chart_theme import LIGHT, Look
from trainfare.reports.frontier import beaten_by
from trainfare.simulation.folder import write_world
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import make_world


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A simulated month: its bills, what its scheduler recorded, and what its meters did."""
    folder = tmp_path_factory.mktemp("month")
    world, home = make_world(11, runs=30, days=3, machines=2), folder / "home"
    places = write_world(world, folder / "files", bills="focus-1.2")
    home.mkdir()
    (home / "rules.toml").write_text(world.rules)
    assert write_records(world, home, PriceBook(home).machine_price)
    trainfare(home, "bill", "import", *places)
    trainfare(home, "allocate")
    return home


@pytest.fixture
def metered(tmp_path):
    """Two finished runs of one experiment, one of them twice as fast on a dearer machine."""
    labels = {"experiment": "sizes", "model": "bert"}
    record_training(tmp_path, "r-slow", name="slow", labels=labels, seconds=60)
    record_training(tmp_path, "r-fast", name="fast", labels=labels, seconds=20)
    return tmp_path


def billed_total(home):
    return Money.parse(trainfare(home, "report", "--by", "component")["total"])


def estimated(home):
    """Component → what both metered runs were estimated at, as it stands now."""
    parts = [
        trainfare(home, "receipt", name)["estimated"]["components"] for name in ("slow", "fast")
    ]
    return {
        name: Money.total(Money.parse(part[name]) for part in parts)
        for name in ("compute", "storage")
    }


@pytest.mark.parametrize(
    ("name", "by"), [("spend", None), ("spend", "team"), ("groups", "model"), ("groups", "run")]
)
def test_spend_that_is_drawn_sums_to_the_bill(month, name, by):
    """Whatever it is grouped by, runs and remainders together are the bill, to the nano."""
    chart = draw(month, name, Question(by=by, period="2026-10"))
    rows = rows_of(chart, "low", "high", "amount")
    assert Money.total(exact(row["amount"]) for row in rows) == billed_total(month)
    assert "Effective cost of 2026-10, without what is in EUR" in spec_of(chart)["description"]


def test_what_no_run_owns_is_drawn_last_and_by_its_name(month):
    ends = rows_of(draw(month, "groups", Question(by="team")), "tail")
    left = trainfare(month, "report", "--by", "team")["remainders"]
    drawn = {row["group"]: row["total"] for row in ends}
    for name, amount in left.items():
        shown = drawn.get(f"({name.replace('_', ' ')})", "$0")
        assert exact(shown) == Money.parse(amount)
    groups = [row["group"] for row in ends]
    first = min(groups.index(g) for g in groups if g.startswith("(") and g != "(no label)")
    assert all(g.startswith("(") for g in groups[first:])


def test_the_waterfall_leads_from_all_estimates_to_their_bills(month):
    answer = trainfare(month, "reconcile", "2026-10")
    total = answer["totals"][0]
    chart = draw(month, "waterfall", Question(period="2026-10"))
    ends = {row["name"]: row["amount"] for row in rows_of(chart, "end")}
    assert exact(ends["estimated"]) == Money.parse(total["estimated"])
    assert exact(ends["billed"]) == Money.parse(total["billed"])


def test_idle_hours_are_what_utilization_calls_not_held(month):
    """Two ways to the same GPU-hours: by the hour from claims, by the day from the allocation."""
    sums = [row["sum"] for row in rows_of(draw(month, "idle", Question()), "sum")]
    assert sums
    cells = rows_of(draw(month, "idle", Question()), "idle", "when")
    told = trainfare(month, "utilization", "--by", "resource")
    everything = [told["total"], *(one["total"] for one in told["other_currencies"])]
    not_held = sum(
        total["gpu_hours"][state]
        for total in everything
        for state in ("idle", "shared", "unallocated")
    )
    drawn = sum(row["idle"] for row in cells)
    unknown = sum(
        float(text.split(", ")[1].split()[0].replace(",", ""))
        for text in sums
        if "not known" in text
    )
    assert drawn <= not_held * 1.001
    assert drawn + unknown >= not_held * 0.95


def test_without_a_bill_spend_is_what_runs_were_estimated_at(metered):
    before = estimated(metered)
    rows = rows_of(draw(metered, "spend", Question()), "low", "high", "amount")
    after = estimated(metered)
    drawn = {
        name: Money.total(exact(row["amount"]) for row in rows if row["name"] == name)
        for name in ("compute", "storage")
    }
    assert {row["name"] for row in rows} == set(drawn)
    assert drawn["compute"] == before["compute"]
    # What a run keeps goes on costing, from one look to the next.
    assert before["storage"] <= drawn["storage"] <= after["storage"]
    by_run = rows_of(draw(metered, "groups", Question(by="run")), "tail")
    assert {row["group"] for row in by_run} == {"slow", "fast"}
    with pytest.raises(BadInput, match="needs an allocated bill"):
        draw(metered, "groups", Question(by="region"))


def test_epochs_and_timeline_are_of_the_run_that_was_asked_for(metered):
    chart = draw(metered, "epochs", Question(run="slow"))
    shown = [exact(row["amount"]) for row in rows_of(chart, "amount", "high")]
    receipt = trainfare(metered, "receipt", "slow")
    assert shown == [Money.parse(one["estimated"]) for one in receipt["epochs"]]
    stages = rows_of(draw(metered, "timeline", Question(run="fast")), "epoch")
    assert [row["name"] for row in stages] == ["setup", "train", "train", "train", "checkpoint"]


def test_a_timeline_shows_what_each_gpu_did_as_one_mean(tmp_path):
    made = Recorder(tmp_path, "r-gpu", name="two", gpus=2)
    made.stage("train", 0)
    made.activity = [100.0, 50.0]
    made.ride(60, steps=10)
    made.activity = [0.0, 0.0]
    made.ride(900)
    made.end()
    chart = draw(tmp_path, "timeline", Question())
    activity = [row["high"] for row in rows_of(chart, "activity")]
    assert activity[0] == pytest.approx(75, abs=1)
    assert activity[-1] == pytest.approx(0, abs=1)
    low = [row for row in rows_of(chart, "name") if row["name"] == "low use"]
    assert sum(row["end"] - row["start"] for row in low) == pytest.approx(900_000, abs=30_000)
    assert "2 GPUs" in spec_of(chart)["description"]


def test_runs_are_compared_with_those_of_their_experiment(metered):
    record_training(metered, "r-else", name="else", labels={"experiment": "other"})
    names = {
        row["name"] for row in rows_of(draw(metered, "frontier", Question(run="slow")), "spent")
    }
    assert names == {"slow", "fast"}
    with pytest.raises(BaseException, match="has no label team"):
        draw(metered, "frontier", Question(run="slow", by="team"))


def test_a_budget_is_drawn_up_to_what_is_spent_of_it(metered):
    said(metered, "budget", "set", "all", "--limit", "5", "--period", "total")
    before = trainfare(metered, "budget", "check")["budgets"][0]["spent"]
    rows = rows_of(draw(metered, "budget", Question()), "start", "low", "amount")
    after = trainfare(metered, "budget", "check")["budgets"][0]["spent"]
    [reached] = [exact(row["amount"]) for row in rows if "spent" in row.get("label", "")]
    assert Money.parse(before) <= reached <= Money.parse(after)
    drawn = [row["low"] for row in rows if "label" not in row]
    assert drawn == sorted(drawn)
    said(metered, "budget", "set", "each", "--limit", "5", "--period", "run")
    with pytest.raises(BadInput, match="name one with --budget: all, each"):
        draw(metered, "budget", Question())
    with pytest.raises(BadInput, match="for each run by itself"):
        draw(metered, "budget", Question(budget="each"))


def test_a_budget_whose_spend_is_not_known_is_not_drawn_as_nothing_spent(metered):
    said(metered, "budget", "set", "euros", "--limit", "5EUR")
    drawn = json.dumps(draw(metered, "budget", Question(budget="euros")).to_dict())
    assert "What is spent is not known" in drawn
    assert "another currency than EUR" in drawn
    assert "0.00 spent" not in drawn


def test_a_chart_takes_only_its_own_questions(tmp_path):
    with pytest.raises(BadInput, match="chart idle takes --period, not --by"):
        draw(tmp_path, "idle", Question(by="team"))
    with pytest.raises(BadInput, match="there is no chart 'pie'"):
        draw(tmp_path, "pie", Question())


@pytest.mark.parametrize("kind", ["png", "svg", "json", "html"])
def test_the_command_writes_what_the_files_ending_says(metered, tmp_path, kind):
    out = tmp_path / f"epochs.{kind}"
    told = trainfare(
        metered,
        "chart",
        "epochs",
        "--run",
        "slow",
        "--theme",
        "dark",
        "--width",
        "400",
        "--out",
        out,
    )
    assert (told["chart"], told["file"]) == ("epochs", str(out))
    assert told["description"].startswith("Cost per epoch. Train stage of slow, estimated, total")
    content = out.read_bytes()
    if kind == "png":
        assert measured(content)[0] == 800
    elif kind == "json":
        assert json.loads(content)["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    else:
        assert {"svg": b"<svg", "html": b"<!doctype html>"}[kind] in content[:100]


def test_the_command_says_in_a_sentence_what_is_wrong(metered, tmp_path):
    where = tmp_path / "x.pdf"
    told = said(metered, "chart", "epochs", "--out", where, code=2)
    assert told.endswith("a chart is written as png, svg, json or html; name the file so\n")
    assert not where.exists()
    assert "takes --run" in said(metered, "chart", "epochs", "--by", "x", "--out", where, code=2)


def test_without_the_packages_one_sentence_says_what_to_install(metered):
    """A fresh process in which altair cannot be found, as on an install without the extra."""
    code = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'altair' else real(n, *a)\n"
        "from trainfare.cli.main import main\n"
        f"main(['chart', 'epochs', '--out', 'x.png', '--home', {str(metered)!r}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "trainfare: to draw charts, install the extra: pip install 'trainfare[reports]'"
    )


def test_the_front_door_draws_for_notebooks(metered, monkeypatch):
    import trainfare as product

    monkeypatch.setenv("TRAINFARE_HOME", str(metered))
    chart = product.chart("epochs", run="slow", theme="dark", width=500)
    assert spec_of(chart)["config"]["background"] != LIGHT.background
    assert chart.width == 500
    with pytest.raises(BadInput, match="theme 'neon' is not one of light, dark"):
        product.chart("epochs", theme="neon")


def test_every_chart_is_listed_with_what_it_answers():
    told = said(Path(), "chart", "--help")
    assert all(f"{name} " in told for name in CHARTS)


def published_cifar10():
    """(name, nanoseconds to 94 %, cost, detail) of each DAWNBench entry that has a price."""
    folder = sample("traces/published/dawnbench/CIFAR10/train")
    for path in sorted(folder.glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8-sig"), strict=False)
        with path.with_suffix(".tsv").open(encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, delimiter="\t"))[1:]
        reached = [row for row in rows if len(row) > 2 and float(row[2]) >= 94]
        if not reached:
            continue
        hours, rate = Fraction(reached[0][1]), entry.get("costPerHour")
        known = isinstance(rate, int | float) and rate > 0
        cost = Money.nearest(hours * Fraction(Decimal(str(rate)))) if known else None
        yield entry["model"], round(hours * HOUR), cost, str(entry.get("hardware"))


def test_the_published_frontier_of_cifar10_is_drawn():
    """DAWNBench: cost = time × price of each entry; those that none beats are joined and named."""
    runs = list(published_cifar10())
    known = [one for one in runs if one[2] is not None]
    beaters = beaten_by([(Fraction(took), Fraction(cost.nano)) for _, took, cost, _ in known])
    best = {one[:2] for one, beater in zip(known, beaters, strict=True) if beater is None}
    points = [FrontierPoint(*one[:3], one[:2] in best, one[3]) for one in runs]
    assert len(known) > 15
    assert 2 <= len(best) < len(known)
    chart = frontier(points, title="CIFAR10 to 94 %", note="DAWNBench entries", look=Look(LIGHT))
    line = next(part for part in spec_of(chart)["layer"] if part["mark"]["type"] == "line")
    assert len(line["data"]["values"]) == len(best)
    assert measured(png_of(chart, scale=1))[2] > 60

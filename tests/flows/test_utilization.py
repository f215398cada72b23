"""What paid GPUs did: from bills and claims of a simulated month, and from metered runs alone."""

import pytest

import trainfare as api
from cli.recordings import Recorder
from flows.bills import said, trainfare
from metering.instruments import Clock

pytest.importorskip("duckdb")

from trainfare.core.charge import Component, View
from trainfare.core.machine import Machine
from trainfare.core.money import Money
from trainfare.prices.catalogue import find_gpu_count
from trainfare.simulation.folder import write_world
from trainfare.simulation.world import make_world


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


STATES = ("busy", "low_use", "unknown", "idle", "shared", "unallocated")


def assert_sums(answer):
    """Every grouping sums to the same, and the states to what was paid."""
    for part in [answer, *answer["other_currencies"]]:
        total, rows = part["total"], part["rows"]
        for one in [total, *rows]:
            amounts = [Money.parse(one["amounts"][state]).nano for state in STATES]
            assert sum(amounts) == Money.parse(one["amounts"]["paid"]).nano
            hours = sum(one["gpu_hours"][state] for state in STATES)
            assert hours == pytest.approx(one["gpu_hours"]["paid"], abs=1e-5)
        for state in (*STATES, "paid"):
            amounts = [Money.parse(row["amounts"][state]).nano for row in rows]
            assert sum(amounts) == Money.parse(total["amounts"][state]).nano


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A simulated month's bills and claims in a home, and its world."""
    folder = tmp_path_factory.mktemp("month")
    world, home = make_world(11, runs=30, days=2, machines=2), folder / "home"
    places = write_world(world, folder / "files", bills="focus-1.2")
    home.mkdir()
    (home / "rules.toml").write_text(world.rules)
    trainfare(home, "bill", "import", *places)
    claims = folder / "files" / "claims"
    nodes = ("--nodes", claims / "nodes.csv")
    trainfare(home, "claims", "import", claims / "meter.csv")
    trainfare(home, "claims", "import", claims / "sacct.txt", "--cluster", "hpc", *nodes)
    trainfare(home, "claims", "import", claims / "dcgm.prom.gz", *nodes)
    trainfare(home, "allocate")
    return home, world


def test_a_month_of_gpu_time_and_money_is_divided_without_loss(month):
    home, _ = month
    answers = {
        by: trainfare(home, "utilization", "2026-10", "--by", by)
        for by in ("run", "team", "resource", "state,day", "model,team")
    }
    for answer in answers.values():
        assert_sums(answer)
        assert answer["total"] == answers["run"]["total"]
    assert answers["run"]["book"] == "billed"
    hours = answers["run"]["total"]["gpu_hours"]
    assert hours["busy"] > 0
    assert hours["idle"] > 0


def test_paid_gpu_time_is_what_the_machines_really_lived(month):
    """The simulation knows how long each machine lived and how many GPUs it has."""
    home, world = month
    rows = trainfare(home, "utilization", "--by", "resource")["rows"]
    found = {row["resource"].rpartition("/")[2]: row["gpu_hours"]["paid"] for row in rows}
    checked = 0
    for machine in world.machines:
        paid = found.get(machine.id)
        if paid is None or machine.type.provider == "gcp":
            continue
        life = machine.life.overlap_ns(world.bill) / 3.6e12
        gpus = find_gpu_count(machine.type.name)
        assert paid == pytest.approx(float(life * gpus), rel=1e-3), machine.id
        checked += 1
    assert checked > 3


def test_money_of_gpu_machines_is_that_of_the_allocation(month):
    """The other side: compute charges of the machines that are shown, as the truth has them."""
    home, world = month
    answer = trainfare(home, "utilization", "--by", "resource")
    shown = {row["resource"].rpartition("/")[2].lower() for row in answer["rows"]}
    whole = sum(
        row.nano
        for row in world.truth(view=View.EFFECTIVE, is_detailed=True)
        if row.component is Component.COMPUTE and row.currency == "USD" and row.resource in shown
    )
    assert Money.parse(answer["total"]["amounts"]["paid"]).nano == whole


def test_measured_activity_is_that_of_the_scrapes(month):
    """DCGM shows held GPUs at 55 to 99 %; nothing of it is low use, and of nobody else anything is known."""
    home, _ = month
    answer = trainfare(home, "utilization", "--by", "run")
    assert answer["activity_sources"] == ["DCGM_FI_DEV_GPU_UTIL"]
    known = [row for row in answer["rows"] if row["gpu_activity"] is not None]
    assert known
    for row in known:
        assert 0.6 < row["gpu_activity"] < 0.95
        assert row["gpu_hours"]["low_use"] == 0
    others = [row for row in answer["rows"] if row not in known]
    assert all(row["gpu_hours"]["busy"] == 0 for row in others)


def test_machines_of_which_it_is_unknown_whether_they_have_gpus_are_named(month):
    home, _ = month
    answer = trainfare(home, "utilization")
    assert all(one["why"] for one in answer["outside"])
    shown = {row["run"] for row in answer["rows"]}
    assert not shown & {one["resource"] for one in answer["outside"]}


def test_commitments_are_told_per_provider_and_each(month):
    home, _ = month
    answer = trainfare(home, "utilization")
    aws = [one for one in answer["commitments"] if one["provider"] == "AWS"]
    whole, each = aws[0], aws[1:]
    assert whole["commitment"] is None
    assert len(each) >= 2
    for name in ("used", "unused"):
        parts = [Money.parse(one[name]).nano for one in each]
        assert sum(parts) == Money.parse(whole[name]).nano
    assert 0 < whole["commitment_utilization"] <= 1
    assert 0 < whole["list"]["coverage"] < 1


def test_one_run_alone(month):
    home, _ = month
    rows = trainfare(home, "utilization", "--by", "run")["rows"]
    one = next(row for row in rows if not row["run"].startswith("("))
    alone = trainfare(home, "utilization", "--run", one["run"])
    assert alone["rows"] == [one]
    assert "held no GPU" in trainfare(home, "utilization", "--run", "r-nobody", code=2)
    assert f"run {one['run']}" in said(home, "utilization", "--run", one["run"])


def test_the_table_of_python_sums_exactly_and_says_why_a_cell_is_empty(month, monkeypatch):
    home, _ = month
    monkeypatch.setenv("TRAINFARE_HOME", str(home))
    table = api.utilization(by=("team",), period="2026-10")
    assert sum(row["gpu_seconds"] for row in table) == table.total["gpu_seconds"]
    parts = [table.total[f"{state}_gpu_seconds"] for state in STATES]
    assert sum(parts) == table.total["gpu_seconds"]
    assert Money.total(row["paid"] for row in table) == table.total["paid"]
    assert table.total.why("mfu") == "no run of it was metered here"
    assert api.utilization(by="day").total.why("energy") == "these keys cut runs into parts"
    assert "what paid GPUs did" in str(table)


def metered(home, run, *, start=0, quiet=(0, 0), seconds=1200, held=8, **more):
    """A run on a machine of eight GPUs at $3.6 an hour, $0.001 a second."""
    clock = Clock()
    clock.advance(start)
    made = Recorder(home, run, clock=clock, gpus=held, **more)
    made.stage("train")
    made.ride(seconds - quiet[1])
    made.activity[: quiet[0]] = [0.0] * quiet[0]
    made.ride(quiet[1])
    made.end()


def test_without_a_bill_the_estimates_of_metered_runs_are_told(tmp_path):
    """Twenty minutes of eight GPUs for $1.20; two of them do nothing in the last ten."""
    metered(tmp_path, "r-half-asleep", quiet=(2, 600))
    answer = trainfare(tmp_path, "utilization")
    assert (answer["book"], answer["activity_sources"]) == ("estimated", ["NVML"])
    assert_sums(answer)
    total = answer["total"]
    assert total["amounts"]["paid"] == "1.200000000"
    assert total["amounts"]["low_use"] == "0.150000000"
    assert total["gpu_hours"]["paid"] == pytest.approx(8 / 3, abs=1e-6)
    assert total["gpu_hours"]["low_use"] == pytest.approx(1 / 3, abs=1e-6)
    assert total["energy_kwh"] == pytest.approx(8 * 1200 * 300 / 3.6e6, rel=0.01)
    assert (total["mfu"], total["waiting_gpu_hours"]) == (None, 0)
    text = said(tmp_path, "utilization")
    assert "low use            0.3  12.5 %  $0.15" in text
    assert "Activity measured by NVML" in text


def test_mfu_of_many_runs_is_weighted_by_what_their_gpus_could_do(tmp_path):
    """An hour at 10 % and ten minutes at 40 %: 14.3 %, not 25 %."""
    peak = 8 * 989e12
    for number, (seconds, share) in enumerate([(3600, 0.1), (600, 0.4)]):
        clock = Clock()
        clock.advance(number * 4000)
        made = Recorder(tmp_path, f"r-{number}", clock=clock, gpus=8)
        per_step = int(peak * share)
        made.meter.add_event("flops", per="step", count=str(per_step), dtype="bf16")
        made.stage("train")
        made.ride(seconds, steps=seconds)
        with_wait = made.meter.counters
        with_wait.input_wait_ns = 90 * 10**9 * number
        made.stage("eval")
        made.ride(30)
        made.end()
    answer = trainfare(tmp_path, "utilization")
    assert answer["total"]["mfu"] == pytest.approx((360 + 240) / 4200, abs=1e-6)
    assert sorted(row["mfu"] for row in answer["rows"]) == pytest.approx([0.1, 0.4], abs=1e-6)
    assert answer["total"]["waiting_gpu_hours"] == pytest.approx(8 * (60 + 90) / 3600, abs=1e-5)
    assert "14.3 %" in said(tmp_path, "utilization", "--by", "model")


def test_a_home_without_gpus_says_so(tmp_path):
    metered(tmp_path, "r-cpu", held=0, machine=Machine("host:1", "laptop"))
    assert "no run with a GPU was metered" in trainfare(tmp_path, "utilization", code=2)


def test_a_bill_that_nobody_allocated_says_what_to_do(tmp_path, month):
    _, world = month
    places = write_world(world, tmp_path / "files", bills="focus-1.0")
    trainfare(tmp_path / "home", "bill", "import", *places)
    assert "run trainfare allocate" in trainfare(tmp_path / "home", "utilization", code=2)

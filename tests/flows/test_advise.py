"""Advice from real records, claims and bills; what is planted is found, each dollar once."""

import re
import time
from decimal import Decimal
from fractions import Fraction

import pytest

from cli.recordings import Recorder
from flows.bills import said as said_of
from flows.bills import trainfare
from flows.rides import HEADER, charge, ride, says, write_charges
from metering.instruments import Clock

pytest.importorskip("duckdb")

from trainfare.core.charge import Component, View
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, format_instant, parse_instant
from trainfare.core.price import Price
from trainfare.metering.event import price_to_json
from trainfare.simulation.folder import write_world
from trainfare.simulation.world import make_world

DEAR = Price("stated", Decimal(360), "h", source="stated by the user")


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards
    monkeypatch.setenv("COLUMNS", "120")


def advised(home, *words):
    answer = trainfare(home, "advise", *words)
    return {(one["rule"], one["subject"]): one for one in answer["recommendations"]}


@pytest.fixture
def left_on(tmp_path):
    """A reserved machine at $10 an hour, paid for 12 hours; a run holds the first four."""
    ride(tmp_path, "r-1", 0, 4, purchase_option="reserved")
    bill = write_charges(tmp_path / "bill.csv", *(charge(at=at) for at in range(12)))
    trainfare(tmp_path, "bill", "import", bill)
    trainfare(tmp_path, "allocate")
    return tmp_path


def test_a_machine_left_on_is_found_in_the_bill(left_on):
    answer = trainfare(left_on, "advise", "--kind", "idle")
    assert (answer["book"], answer["periods"]) == ("billed", ["2026-10"])
    assert answer["paid"] == {"USD": "120.000000000"}
    [one] = answer["recommendations"]
    assert (one["kind"], one["rule"], one["subject"]) == ("idle", "left_on", "p4d.24xlarge")
    assert one["saving"] == "77.500000000"  # eight hours less a quarter
    assert (one["saving_low"], one["saving_high"]) == ("70.000000000", "80.000000000")
    assert one["base"] == "120.000000000"
    assert one["evidence"]["dearest"] == [{"resource": "i-1", "idle": "80.000000000"}]
    words = said_of(left_on, "advise")
    assert "From the bill of 2026-10, per month" in words
    assert "Stop p4d.24xlarge machines after their last run" in words
    assert "$77.50" in words


def after_october(**words):
    """A charge of November's bill that is no usage of November."""
    return charge(at=0, month="11", **words)


def test_a_month_of_corrections_credits_and_taxes_is_no_month_of_the_history(left_on):
    """November's bill takes back $4.50 and charges $1.25 of tax; nothing was used in it."""
    correction = {"ChargeClass": "Correction", "ConsumedQuantity": "0"}
    bill = write_charges(
        left_on / "november.csv",
        after_october(effective="-4", resource="i-2", **correction),
        after_october(effective="-0.5", resource="", ChargeCategory="Credit"),
        after_october(effective="1.25", resource="", ChargeCategory="Tax"),
    )
    trainfare(left_on, "bill", "import", bill)
    trainfare(left_on, "allocate")
    answer = trainfare(left_on, "advise", "--kind", "idle")
    assert (answer["periods"], answer["only_corrected"]) == (["2026-10"], ["2026-11"])
    assert answer["paid"] == answer["paid_per_month"] == {"USD": "116.750000000"}
    [one] = answer["recommendations"]
    assert (one["saving"], one["saving_high"]) == ("77.500000000", "80.000000000")
    assert one["checked"].startswith("1 gap in 1 month:")
    words = " ".join(said_of(left_on, "advise", "--kind", "idle").split())
    assert "From the bill of 2026-10, per month" in words
    told = "That is part of $116.75 a month: the whole bill, tax and credits in it"
    assert f"{told}, with what 2026-11 only corrected." in words


def test_a_month_with_an_hour_of_usage_is_one(left_on):
    later = write_charges(left_on / "november.csv", after_october(resource="i-9"))
    trainfare(left_on, "bill", "import", later)
    trainfare(left_on, "allocate")
    answer = trainfare(left_on, "advise", "--kind", "idle")
    assert (answer["periods"], answer["only_corrected"]) == (["2026-10", "2026-11"], [])
    assert answer["paid"] == {"USD": "130.000000000"}
    assert answer["paid_per_month"] == {"USD": "65.000000000"}
    assert [one["saving"] for one in answer["recommendations"]] == ["38.750000000"]


def test_savings_are_a_part_of_the_whole_bill_with_its_tax_in_every_currency(left_on):
    """Taxes name no resource, so both are of the same slot; neither may hide the other."""
    rows = [charge(at=at) for at in range(12)]
    rows += [charge("i-3", at=at, BillingCurrency="EUR") for at in range(3)]
    rows.append(charge("", effective="24", ChargeCategory="Tax"))
    rows.append(charge("", effective="6", ChargeCategory="Tax", BillingCurrency="EUR"))
    trainfare(left_on, "bill", "import", write_charges(left_on / "again.csv", *rows))
    trainfare(left_on, "allocate")
    paid = {"EUR": "36.000000000", "USD": "144.000000000"}
    answer = trainfare(left_on, "advise")
    assert answer["paid"] == answer["paid_per_month"] == paid
    balances = trainfare(left_on, "verify")["periods"]
    assert {b["currency"]: b["bill"] for b in balances if b["view"] == "effective"} == paid


def test_only_the_kinds_that_are_asked_for_are_told(left_on):
    assert advised(left_on, "--kind", "storage", "--kind", "network") == {}
    assert len(advised(left_on, "--kind", "idle")) == 1
    assert "'--kind'" in trainfare(left_on, "advise", "--kind", "magic", code=2)


def test_an_id_stays_when_the_history_grows(left_on):
    [before] = advised(left_on, "--kind", "idle").values()
    later = write_charges(left_on / "more.csv", *(charge(at=at) for at in range(20)))
    trainfare(left_on, "bill", "import", later)
    trainfare(left_on, "allocate")
    [after] = advised(left_on, "--kind", "idle").values()
    assert after["id"] == before["id"]
    assert Money.parse(after["saving"]) > Money.parse(before["saving"])


def test_low_use_of_a_metered_run_is_found_without_a_bill(tmp_path):
    """Two hours of eight GPUs at $360 an hour; they do nothing in the second."""
    made = Recorder(tmp_path, "r-1", clock=Clock(), gpus=8, labels={"team": "nlp"}, price=DEAR)
    made.stage("train")
    made.ride(3600)
    made.activity[:] = [0.0] * 8
    made.ride(3600)
    made.end()
    one = advised(tmp_path)["kept_after_training", "team=nlp"]
    assert one["saving"] == "270.000000000"  # three quarters of an hour
    assert one["base"] == "720.000000000"
    assert "From estimates of" in said_of(tmp_path, "advise")


def test_a_busy_run_leaves_nothing_to_advise(tmp_path):
    made = Recorder(tmp_path, "r-1", clock=Clock(), gpus=8, price=DEAR)
    made.stage("train")
    made.ride(1800)
    made.end()
    kinds = ("--kind", "idle", "--kind", "efficiency", "--kind", "rightsize")
    assert advised(tmp_path, *kinds) == {}
    assert "Nothing to save was found." in said_of(tmp_path, "advise", *kinds)


def test_without_runs_and_bills_there_is_nothing_to_advise_on(tmp_path):
    assert "trainfare doctor" in trainfare(tmp_path, "advise", code=2)


OCTOBER = parse_instant("2026-10-25T00:00:00Z")


def test_what_is_accepted_is_measured_on_the_next_bill(left_on, monkeypatch):
    [one] = advised(left_on).values()
    monkeypatch.setattr("trainfare.flows.decisions.time.time_ns", lambda: OCTOBER)
    said = trainfare(left_on, "advise", "accept", one["id"][:9], "--reason", "the script stops it")
    assert (said["verdict"], said["promised"]) == ("accepted", "77.500000000")
    assert advised(left_on) == {}
    [waiting] = trainfare(left_on, "advise", "decided")["decided"]
    assert waiting["realized"]["saving"] is None
    assert "after 2026-10" in waiting["realized"]["why"]
    ride(left_on, "r-2", 0, 8, month="11")  # twice the work, and an hour of idling
    bill = write_charges(left_on / "november.csv", *(charge(at=at, month="11") for at in range(9)))
    trainfare(left_on, "bill", "import", bill)
    trainfare(left_on, "allocate")
    [done] = trainfare(left_on, "advise", "decided")["decided"]
    # $80 useful: at the old rate $77.50 of $42.50 would have been wasted beside it; $7.50 still is.
    useful, rate, waste = Fraction("82.5"), Fraction("77.5") / Fraction("42.5"), Fraction("7.5")
    expected = Money.nearest(useful * rate - waste).text()
    assert done["realized"]["periods"] == {"2026-11": expected}
    assert done["realized"]["saving"] == expected
    words = said_of(left_on, "advise", "decided")
    assert "$77.50" in words
    assert Money.parse(expected).display(2) in words


def test_what_is_dismissed_is_told_no_more_until_it_is_opened_again(left_on):
    [one] = advised(left_on).values()
    assert "--reason" in trainfare(left_on, "advise", "dismiss", one["id"], code=2)
    trainfare(left_on, "advise", "dismiss", one["id"], "--reason", "for a demo")
    assert advised(left_on) == {}
    [said] = trainfare(left_on, "advise", "decided")["decided"]
    assert (said["verdict"], said["reason"], said["realized"]) == ("dismissed", "for a demo", None)
    assert "reopen" in trainfare(left_on, "advise", "accept", one["id"], code=2)
    again = trainfare(left_on, "advise", "dismiss", one["id"][:8], "--reason", "x", code=2)
    assert f"advise reopen {one['id']}" in again
    trainfare(left_on, "advise", "reopen", one["id"])
    assert advised(left_on)
    assert "Nothing was decided" in said_of(left_on, "advise", "decided")


def test_what_is_snoozed_comes_back(left_on, monkeypatch):
    [one] = advised(left_on).values()
    assert "--days or --until" in trainfare(left_on, "advise", "snooze", one["id"], code=2)
    trainfare(left_on, "advise", "snooze", one["id"], "--days", "7")
    assert advised(left_on) == {}
    until = format_instant(time.time_ns() + 7 * DAY)[:10]
    assert f"snoozed until {until}" in said_of(left_on, "advise", "decided")
    later = time.time_ns() + 8 * DAY
    monkeypatch.setattr("trainfare.flows.advice_history.time.time_ns", lambda: later)
    assert advised(left_on)


def test_one_recommendation_is_shown_with_all_that_is_known(left_on):
    [one] = advised(left_on).values()
    words = said_of(left_on, "advise", "show", one["id"])
    for word in (
        "Stop p4d.24xlarge machines",
        "replay of an automatic stop",
        "risk",
        "i-1",
        "by hour of day: 0 to",
    ):
        assert word in words
    assert trainfare(left_on, "advise", "show", one["id"]) == one
    assert "there is no recommendation" in trainfare(left_on, "advise", "show", "x", code=2)


def trial(home, run, values, *, at=0, status="finished", **more):
    clock = Clock()
    clock.advance(at)
    labels = {"experiment": "lr", **more.pop("labels", {})}
    name = more.pop("name", None)
    made = Recorder(home, run, clock=clock, name=name, labels=labels, price=DEAR)
    made.stage("train", 0)
    for value in values:
        made.ride(100, steps=10)
        made.log(val_loss=value, lr=0.1)
    made.end(status, **more)


def test_a_sweep_of_metered_runs_is_replayed(tmp_path):
    """Twelve trials at $10 for each value, one after the other, the best first."""
    for n in range(12):
        trial(tmp_path, f"r-{n:02}", [2 + n + 5 / (k + 1) for k in range(8)], at=1000 * n)
    one = advised(tmp_path, "--kind", "experiments")["stop_early", "lr"]
    assert one["evidence"]["metric"] == "val_loss"
    assert one["evidence"]["rules"]["asha"]["best_kept"]
    assert Money.parse(one["saving"]) > Money.parse("300")
    assert one["base"] == "960.000000000"
    assert "Stop trials of lr early" in said_of(tmp_path, "advise")


def test_trials_of_another_model_or_team_are_another_experiment(tmp_path):
    """Twelve trials of one name, four of each of three models: no sweep is large enough."""
    for n in range(12):
        values = [2 + n + 5 / (k + 1) for k in range(8)]
        trial(tmp_path, f"r-{n:02}", values, at=1000 * n, labels={"model": f"m-{n % 3}"})
    assert not advised(tmp_path, "--kind", "experiments")
    for n in range(12, 24):
        values = [2 + n + 5 / (k + 1) for k in range(8)]
        labels = {"model": "m-9", "team": "nlp"}
        trial(tmp_path, f"r-{n:02}", values, at=1000 * n, labels=labels)
    found = advised(tmp_path, "--kind", "experiments")
    assert {subject for _, subject in found} == {"lr (model=m-9, team=nlp)"}
    one = found["stop_early", "lr (model=m-9, team=nlp)"]
    assert one["base"] == "960.000000000"
    words = said_of(tmp_path, "advise", "show", one["id"])
    for word in ("best kept yes", "winners killed", "metric val_loss", "saving $"):
        assert word in " ".join(words.split())
    assert not re.search(r"\d\.\d{6}", words)


def test_the_largest_savings_are_listed_and_all_are_summed(tmp_path):
    """Twenty-two teams share a machine whose GPUs do nothing for an hour."""
    for n in range(22):
        labels = {"team": f"team-{n:02}"}
        made = Recorder(tmp_path, f"r-{n:02}", clock=Clock(), gpus=8, labels=labels, price=DEAR)
        made.stage("train")
        made.ride(1800)
        made.activity[:] = [0.0] * 8
        made.ride(3600)
        made.end()
    words = said_of(tmp_path, "advise", "--kind", "idle")
    assert len([line for line in words.splitlines() if line.startswith("idle-")]) == 20
    assert "and 2 more worth $24.55 in all; --format json" in words
    assert "Together: $270.00 a month; savings add up." in words
    assert "of its cost" in words


def test_on_eighty_columns_it_is_told_whole_and_how_sure_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    team = "a-team-with-a-very-long-name-that-fills-the-line-by-itself"
    clock = Clock()
    made = Recorder(tmp_path, "r-1", clock=clock, gpus=8, labels={"team": team}, price=DEAR)
    made.stage("train")
    made.ride(1800)
    made.activity[:] = [0.0] * 8
    made.ride(3600)
    made.end()
    [one] = trainfare(tmp_path, "advise", "--kind", "idle")["recommendations"]
    words = said_of(tmp_path, "advise", "--kind", "idle")
    head, row, *told = words.splitlines()[2:]
    assert head.split() == ["id", "saving", "of", "its", "cost", "sure", "effort"]
    assert row.split() == [one["id"], "$270.00", "50", "%", one["confidence"], one["effort"]]
    assert one["title"] in " ".join(" ".join(told).split())
    assert max(map(len, words.splitlines())) <= 80


def test_what_evidence_is_about_goes_first(tmp_path):
    for n in range(2):
        error = {"status": "failed", "error": "RuntimeError: oom"}
        trial(tmp_path, f"f-{n}", [3.0], name=f"try-{n}", at=1000 * n, **error)
    [one] = trainfare(tmp_path, "advise", "--kind", "experiments")["recommendations"]
    words = said_of(tmp_path, "advise", "show", one["id"])
    assert "RuntimeError: oom (runs 2)" in words
    assert "f-1 (name try-1, saving $10.00)" in " ".join(words.split())


def test_evidence_of_which_there_is_none_is_no_blank_line(tmp_path):
    for n in range(6):
        trial(tmp_path, f"r-{n}", [3.0, *[2.0] * 20], at=3000 * n)
    [one] = trainfare(tmp_path, "advise", "--kind", "experiments")["recommendations"]
    assert one["evidence"]["losses"] == []
    assert "" not in said_of(tmp_path, "advise", "show", one["id"]).splitlines()


def test_failures_and_duplicates_of_metered_runs_are_found(tmp_path):
    labels = {"config_hash": "c", "data_hash": "d", "seed": "1"}
    trial(tmp_path, "r-1", [3.0, 2.0], labels=labels)
    trial(tmp_path, "r-2", [3.0, 2.0, 1.0], labels=labels, at=1000)
    for n in range(3):
        trial(
            tmp_path,
            f"f-{n}",
            [3.0],
            at=2000 + 1000 * n,
            status="failed",
            error="RuntimeError: oom",
        )
    found = advised(tmp_path)
    assert found["duplicate", "lr"]["saving"] == "30.000000000"
    assert found["failed_again", "lr"]["saving"] == "20.000000000"


def test_checkpoints_that_nobody_reads_are_found(tmp_path, monkeypatch):
    """Two checkpoints of a TB; the earlier one is kept for nothing."""
    made = Recorder(tmp_path, "r-1", clock=Clock(), labels={"team": "nlp"}, price=DEAR)
    made.stage("train", 0)
    made.ride(60)
    made.keep("checkpoint", "s3://b/1.pt", 2**40)
    made.ride(60)
    made.keep("checkpoint", "s3://b/2.pt", 2**40)
    made.end()
    later = Clock().wall + 20 * DAY
    monkeypatch.setattr("trainfare.metering.history.time.time_ns", lambda: later)
    one = advised(tmp_path, "--kind", "storage")["unread_checkpoints", "team=nlp"]
    thirteen_days = Fraction(1024 * 13 * 24, 7300)  # $0.10 a GB-month of 730 hours
    assert Money.parse(one["saving"]).nano == pytest.approx(
        float(thirteen_days * 10**9) / len(trainfare(tmp_path, "advise")["periods"]), rel=0.01
    )
    assert [file["uri"] for file in one["evidence"]["largest"]] == ["s3://b/1.pt"]


def test_a_month_of_storage_is_one_of_all_months_in_which_data_was_kept(tmp_path, monkeypatch):
    """10 TB for 90 days: the infrequent class spares 60 of them, spread over every month of them."""
    standard = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month", source="a list")
    made = Recorder(tmp_path, "r-1", clock=Clock(), labels={"team": "nlp"}, price=DEAR)
    made.stage("train", 0)
    made.ride(60)
    made.keep("checkpoint", "s3://b/last.pt", 10 * 2**40, standard)
    made.end()
    end = Clock().wall + 90 * DAY
    monkeypatch.setattr("trainfare.metering.history.time.time_ns", lambda: end)
    answer = trainfare(tmp_path, "advise", "--kind", "storage")
    [one] = answer["recommendations"]
    first, last = (str(BillingPeriod.of(at)) for at in (Clock().wall, end))
    assert (answer["periods"][0], answer["periods"][-1]) == (first, last)
    whole = 10240 * (0.023 - 0.0125) * 60 * 24 / 730
    assert float(one["saving"]) == pytest.approx(whole / len(answer["periods"]), rel=0.01)


def test_nat_is_looked_at_on_the_bill(tmp_path, monkeypatch):
    monkeypatch.setattr("flows.rides.HEADER", f"{HEADER},SkuMeter")
    ride(tmp_path, "r-1", 0, 1)
    gateway = "arn:aws:ec2:us-east-1:1:natgateway/nat-1"
    words = {"ServiceSubcategory": "", "SkuPriceDetails": "", "ServiceCategory": "Networking"}
    words |= {
        "ConsumedUnit": "GB",
        "ConsumedQuantity": "1000",
        "SkuId": "N",
        "SkuMeter": "NatGateway-Bytes",
    }
    bill = write_charges(tmp_path / "bill.csv", charge(at=0), charge(gateway, 0, "45", **words))
    trainfare(tmp_path, "bill", "import", bill)
    trainfare(tmp_path, "allocate")
    [told] = trainfare(tmp_path, "advise", "--kind", "network")["not_recommended"]
    assert (told["rule"], told["evidence"]["paid"]) == ("nat_for_store", "45.000000000")


def crossed(home, bucket_region, *, amount="200", gb="2000"):
    """Three runs in us-east-1 read one TB each of a bucket, and a transfer to another region is paid."""
    price = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month", source="a list")
    read = {"bytes": 1000 * 2**30, "price": price_to_json(price)}
    for number in range(3):
        ride(home, f"r-{number}", 2 * number, 2 * number + 1)
        says(home, f"r-{number}", ("dataset", "s3://far/d.tar", 1, 2 * number, read))
    words = {"ServiceSubcategory": "", "SkuPriceDetails": "", "ConsumedUnit": "GB"}
    meter = {"SkuId": "N", "SkuMeter": "EUC1-USE1-AWS-Out-Bytes", "ConsumedQuantity": gb}
    rows = [charge(at=2 * number) for number in range(3)]
    rows += [charge("i-1", 0, amount, ServiceCategory="Networking", **words, **meter)]
    if bucket_region:
        kept = {"ServiceCategory": "Storage", "ServiceName": "Amazon S3", "SkuId": "S"}
        rows += [charge("arn:aws:s3:::far", 0, "24", RegionId=bucket_region, **words, **kept)]
    trainfare(home, "bill", "import", write_charges(home / "bill.csv", *rows))
    trainfare(home, "allocate")
    return trainfare(home, "advise", "--kind", "network")


def test_a_copy_saves_transfer_from_another_region_less_what_keeping_it_costs(
    tmp_path, monkeypatch
):
    """Two of three reads are again: two thirds of $200, less $23 for a copy of a TB in the month."""
    monkeypatch.setattr("flows.rides.HEADER", f"{HEADER},SkuMeter")
    [one] = crossed(tmp_path, "eu-central-1")["recommendations"]
    assert one["evidence"]["keeping_copies"] == "23.000000000"
    assert float(one["saving"]) == pytest.approx(200 * 2 / 3 - 23)
    assert float(one["saving_low"]) == pytest.approx(-23)


@pytest.mark.parametrize(
    ("region", "amount", "why"),
    [
        ("eu-central-1", "30", "not worth it: keeping the copies costs $23.00"),
        ("us-east-1", "200", "runs read nothing from a bucket of another region"),
        ("", "200", "no charge says in which region the bucket far lies"),
    ],
)
def test_no_copy_is_advised_where_it_loses_or_nobody_knows_that_it_is_far(
    tmp_path, monkeypatch, region, amount, why
):
    monkeypatch.setattr("flows.rides.HEADER", f"{HEADER},SkuMeter")
    answer = crossed(tmp_path, region, amount=amount)
    assert answer["recommendations"] == []
    [told] = answer["not_recommended"]
    assert told["why"].startswith(why)


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A simulated month's bills and claims in a home, and its world."""
    folder = tmp_path_factory.mktemp("month")
    world, home = make_world(11, runs=20, days=2, machines=2), folder / "home"
    places = write_world(world, folder / "files", bills="focus-1.2")
    home.mkdir()
    (home / "rules.toml").write_text(world.rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINFARE_HOME", "")
        trainfare(home, "bill", "import", *places)
        trainfare(home, "claims", "import", folder / "files" / "claims" / "meter.csv")
        trainfare(home, "allocate")
    return home, world


def test_savings_of_a_simulated_month_add_up_to_less_than_the_bill(month):
    home, world = month
    answer = trainfare(home, "advise")
    assert answer["recommendations"]
    for currency, paid in answer["paid"].items():
        own = [one for one in answer["recommendations"] if one["currency"] == currency]
        saved = sum(Money.parse(one["saving"]).nano for one in own)
        assert saved <= Money.parse(paid).nano
    whole = sum(row.nano for row in world.truth(view=View.EFFECTIVE) if row.currency == "USD")
    assert Money.parse(answer["paid"]["USD"]).nano == whole


def test_idle_advice_of_a_simulated_month_is_within_what_the_simulation_left_idle(month):
    """Machines, and what of their money no run has by the truth of the simulation."""
    home, world = month
    idle = sum(
        row.nano
        for row in world.truth(view=View.EFFECTIVE, is_detailed=True)
        if row.component is Component.COMPUTE and row.run is None and row.currency == "USD"
    )
    found = trainfare(home, "advise", "--kind", "idle")["recommendations"]
    own = [
        one for one in found if one["rule"] in ("left_on", "kept_warm") and one["currency"] == "USD"
    ]
    assert 0 < sum(Money.parse(one["saving_high"]).nano for one in own) <= idle
    assert not [one for one in found if one["rule"] == "stalled"]  # nobody measured the GPUs

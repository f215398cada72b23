"""The estimate: exact money, its price and age, and no answer where no price is known."""

import json
from decimal import Decimal

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.cli.estimate import Job, fares
from trainfare.cli.main import main
from trainfare.core.money import Money, decimal_of
from trainfare.prices.age import instant_of
from trainfare.prices.listing import Listing
from trainfare.prices.refreshed import Shelf, write_shelf

P5 = ["estimate", "--instance", "p5.48xlarge"]
HERE = ["--region", "us-east-1"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def say(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, err = capsys.readouterr()
        return ended.value.code, click.unstyle(out), click.unstyle(err)

    return run


def one(say, *words):
    code, out, err = say(*words, "--format", "json")
    assert code == 0, err
    return json.loads(out)


def test_ten_hours_of_a_p5_by_hand(say):
    code, out, _ = say(*P5, "--hours", "10", *HERE)
    assert code == 0
    assert "$550.40   = 10 h × $55.04/h" in out
    assert "shipped list price of 2026-07-20" in out
    assert "days old" in out
    assert "8 × H100, 192 vCPUs, 2,048 GiB" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_json_has_stable_keys_and_exact_money(say):
    found = one(say, *P5, "--hours", "0.1", "--count", "3", *HERE)
    assert list(found) == ["instance", "provider", "option", "hours", "count", "estimates"]
    assert (found["provider"], found["hours"], found["count"]) == ("aws", "0.1", 3)
    (estimate,) = found["estimates"]
    assert list(estimate) == ["region", "currency", "estimated", "estimated_high", "price"]
    assert estimate["estimated"] == "16.512000000"
    assert estimate["estimated_high"] is None
    assert estimate["price"]["amount"] == "55.04"
    assert estimate["price"]["as_of"] == "2026-07-20"


@settings(deadline=None)
@given(
    hours=st.decimals("0", "100000", places=6),
    more=st.decimals("0", "100000", places=6),
    count=st.integers(1, 1000),
)
def test_the_estimate_is_the_price_times_the_hours_to_the_nano(
    tmp_path_factory, hours, more, count
):
    def cost(length):
        job = Job(
            home=tmp_path_factory.getbasetemp() / "none",
            provider="aws",
            instance="p5.48xlarge",
            option="on_demand",
            hours=decimal_of(str(length)),
            count=count,
            at_ns=instant_of("2026-11-23"),
        )
        (fare,) = fares(job, "us-east-1")
        return job.costs(fare.price.amount, "USD")

    assert cost(hours) == Money.nearest(hours * count * Decimal("55.04"))
    assert cost(hours) + cost(more) == cost(hours + more)


def test_without_a_region_every_region_is_shown_cheapest_first(say):
    code, out, _ = say(*P5, "--hours", "10")
    assert code == 0
    assert "us-east-1" in out
    assert "--region shows one" in out
    found = one(say, *P5, "--hours", "10")
    amounts = [Decimal(row["estimated"]) for row in found["estimates"]]
    assert len(amounts) == 12
    assert amounts == sorted(amounts)
    assert all(len(line) <= 80 for line in out.splitlines())


def test_more_regions_than_fit_are_counted(say):
    _, out, _ = say("estimate", "--instance", "Standard_ND96isr_H100_v5", "--hours", "1")
    assert "… and 11 more regions" in out


def test_spot_is_a_range_for_orientation_beside_the_full_price(say):
    code, out, _ = say(*P5, "--hours", "10", *HERE, "--spot")
    assert code == 0
    assert "$169.51 to $550.40" in out
    assert "reference price of 2026-04, up to" in out
    assert "for orientation only" in out
    assert "$55.04/h" in out
    assert ">20% of machines a month" in out
    (estimate,) = one(say, *P5, "--hours", "10", *HERE, "--spot")["estimates"]
    assert (estimate["estimated"], estimate["estimated_high"]) == ("169.508000000", "550.400000000")
    assert estimate["price"]["reference"] is True


def test_a_refreshed_spot_price_is_no_mere_reference(say, home):
    item = Listing(
        "aws",
        "us-east-1",
        "p5.48xlarge",
        "spot",
        Decimal(20),
        "2026-11-23T00:00:00Z",
        high=Decimal(30),
        zones={"us-east-1a": Decimal(20), "us-east-1b": Decimal(30)},
    )
    write_shelf(home, Shelf("aws", "us-east-1", "aws-spot", item.as_of, [item]))
    (estimate,) = one(say, *P5, "--hours", "1", *HERE, "--spot")["estimates"]
    assert (estimate["estimated"], estimate["estimated_high"]) == ("20.000000000", "30.000000000")
    assert estimate["price"]["reference"] is False


def test_the_users_price_and_discount_hold_here_too(say):
    say("prices", "set", "--provider", "aws", "--discount", "50")
    (spot,) = one(say, *P5, "--hours", "10", *HERE, "--spot")["estimates"]
    assert (spot["estimated"], spot["estimated_high"]) == ("84.754000000", "275.200000000")
    say("prices", "set", "--instance", "p5.48xlarge", "--price", "40EUR/h")
    (own,) = one(say, *P5, "--hours", "1", *HERE)["estimates"]
    assert (own["estimated"], own["currency"]) == ("40.000000000", "EUR")
    assert own["price"]["origin"] == "override"


def test_a_private_type_with_an_own_price_needs_no_region(say):
    say("prices", "set", "--instance", "rack.8gpu", "--price", "12")
    code, out, _ = say("estimate", "--instance", "rack.8gpu", "--hours", "2")
    assert code == 0
    assert "$24.00" in out


def test_tpu_slices_are_priced_by_their_chips(say):
    found = one(say, "estimate", "--instance", "v5p-8", "--hours", "1")
    assert {row["region"]: row["estimated"] for row in found["estimates"]}[
        "us-east5"
    ] == "16.800000000"


def test_a_price_for_every_region_is_one_answer(say):
    code, out, _ = say("estimate", "--instance", "gpu_8x_h100_sxm5", "--hours", "1")
    assert code == 0
    assert "any region" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["p5.48xlrge", "--hours", "1"], "close names: p5.48xlarge"),
        (["p5.48xlarge", "--hours", "1", "--region", "eu-west-1"], "listed in us-east-1"),
        (["p5.48xlarge", "--hours", "1", "--region", "us-west-1", "--spot"], "as spot"),
        (["p5.48xlarge", "--hours", "ten"], "'ten' is not a number"),
        (["p5.48xlarge", "--hours", "-1"], "below 0"),
        (["p5.48xlarge", "--hours", "NaN"], "not a number"),
        (["H100", "--hours", "1"], "no price for H100"),
    ],
)
def test_what_has_no_price_is_one_sentence_and_exit_2(say, words, sentence):
    code, out, err = say("estimate", "--instance", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_the_case_of_a_name_does_not_matter(say):
    assert (
        one(say, "estimate", "--instance", "P5.48XLarge", "--hours", "1", *HERE)["instance"]
        == "p5.48xlarge"
    )

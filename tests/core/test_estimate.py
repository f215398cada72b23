"""Estimates: stretches, stages, epochs and components sum to the total, and unknown is not zero."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.segments import HOURLY, SECOND, UNPRICED, segment
from trainfare.core.attempts import make_run
from trainfare.core.charge import Component
from trainfare.core.claim import Claim
from trainfare.core.estimate import estimate_run
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import GIB, MONTH_HOURS, NoPrice, Price
from trainfare.core.run import Artifact, PriceMark, Totals


def estimate(*segments, others=(), **more):
    return estimate_run(make_run("r", segments), others, **more)


def test_ten_seconds_at_a_tenth_of_a_cent_a_second():
    assert estimate(segment(seconds=10)).total.text() == "0.010000000"


def test_stages_and_epochs_cut_the_time():
    result = estimate(
        segment(
            seconds=10,
            stages=[
                (0, "setup"),
                (2, "train", 0),
                (4, "eval", 0),
                (5, "train", 0),
                (6, "train", 1),
                (9, "finish"),
            ],
        )
    )
    stages = {k: (t / SECOND, m.text()) for k, (t, m) in result.by_stage().items()}
    assert stages == {
        "setup": (2, "0.002000000"),
        "train": (6, "0.006000000"),
        "eval": (1, "0.001000000"),
        "finish": (1, "0.001000000"),
    }
    epochs = [(e.epoch, e.seconds, e.estimated_cost.text()) for e in result.by_epoch()]
    assert epochs == [(0, 3, "0.003000000"), (1, 3, "0.003000000")]
    assert result.train_cost().text() == "0.006000000"


@given(
    st.decimals("0.000001", 1000, places=6),
    st.lists(
        st.tuples(st.integers(0, 10**10), st.sampled_from(["setup", "data", "train", "eval"])),
        max_size=20,
    ),
    st.integers(1, 10**10),
)
def test_parts_sum_to_the_total_whatever_the_price_and_the_marks(amount, marks, length):
    price = Price("s", amount, "h")
    ordered = sorted(marks)
    stages = [(at / SECOND, name, n) for n, (at, name) in enumerate(ordered)]
    result = estimate(segment(seconds=length / SECOND, price=price, stages=stages))
    total = result.total.nano
    assert sum(s.estimated_cost.nano for s in result.stretches) == total
    assert sum(m.nano for _, m in result.by_stage().values()) == total
    assert sum(m.nano for m in result.components.values()) == total
    exact = Fraction(amount) * length / HOUR * 10**9
    assert abs(total - exact) <= Fraction(1, 2)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=8))
def test_runs_that_crowd_a_machine_together_never_pay_more_than_the_machine(spans):
    segments = [segment(start, seconds, run=f"r{n}") for n, (start, seconds) in enumerate(spans)]
    claims = [s.claim(1) for s in segments]
    totals = [estimate_run(make_run(s.run, [s]), claims).total.nano for s in segments]
    covered = {t for start, seconds in spans for t in range(start, start + seconds)}
    machine = len(covered) * 10**6
    assert abs(sum(totals) - machine) <= len(spans) * 100


def test_a_restarted_run_pays_for_its_attempts_and_not_for_the_gap():
    run = make_run("r", [segment(0, 10), segment(100, 5)])
    assert [a.number for a in run.attempts] == [1, 2]
    assert estimate_run(run).total.text() == "0.015000000"


def test_ranks_and_wrapper_on_one_node_are_charged_once():
    result = estimate(
        segment(0, 12, id="w", is_wrapper=True),
        *[segment(1, 10, id=f"rank{r}", rank=r, stages=[(0, "train", 0)]) for r in range(8)],
    )
    assert result.total.text() == "0.012000000"
    assert result.by_stage()["train"][0] == 10 * SECOND
    assert result.by_stage()["run"][0] == 2 * SECOND


def test_what_a_training_states_holds_for_the_moments_its_wrapper_lasts_longer():
    stated = Price("stated", Decimal("3.6"), "h")
    dearer = Price("stated", Decimal("7.2"), "h")
    wrapper = segment(0, 12, id="w", is_wrapper=True, price=UNPRICED)
    first = segment(1, 4, id="a", price=stated, stages=[(0, "train", 0)])
    second = segment(6, 5, id="b", price=dearer, stages=[(0, "train", 1)])
    result = estimate(wrapper, first, second)
    assert result.unpriced == ()
    wrapped = result.by_stage()["run"][1]  # 1 s and 1 s, then 1 s twice as dear
    assert wrapped.text() == "0.004000000"
    assert result.train_cost().text() == "0.014000000"


def test_what_nobody_stated_for_an_attempt_stays_unknown():
    stated = Price("stated", Decimal("3.6"), "h")
    result = estimate(segment(0, 10, price=UNPRICED), segment(100, 5, price=stated))
    assert [one.quantity for one in result.unpriced] == ["0.002778 h"]
    looked_up = Price("x", Decimal("3.6"), "h", origin="override")
    wrapper = segment(0, 12, id="w", is_wrapper=True, price=UNPRICED)
    beside = estimate(wrapper, segment(1, 10, price=looked_up, stages=[(0, "train", 0)]))
    assert [one.quantity for one in beside.unpriced] == ["0.000556 h"]
    assert beside.train_cost().text() == "0.010000000"  # what is left out is not of the train stage


def test_two_nodes_are_two_machines():
    result = estimate(segment(0, 10, machine="i-0"), segment(0, 10, machine="i-1"))
    assert result.total.text() == "0.020000000"


def test_the_same_segment_recorded_twice_counts_once():
    one = segment(0, 10)
    assert estimate(one, one).total == estimate(one).total


def test_half_a_machine_costs_half_and_the_rest_is_idle_beside_it():
    result = estimate(segment(seconds=10, share="1/2"))
    assert result.total.text() == "0.005000000"
    assert result.idle_cost.text() == "0.005000000"


def test_what_another_run_claims_is_not_idle():
    other = Claim("q", 1, "i-0", Interval(0, 10 * SECOND), Fraction(1, 4))
    result = estimate(segment(seconds=10, share="1/2"), others=[other])
    assert result.idle_cost.text() == "0.002500000"


def test_a_price_that_changes_in_mid_run_counts_from_then_on():
    dearer = Price("x", Decimal("7.2"), "h")
    marks = (PriceMark(0, HOURLY), PriceMark(6 * SECOND, dearer))
    for start in (0, 5_000):
        result = estimate(segment(start, seconds=10, price=marks))
        assert result.total.text() == "0.014000000"
        assert result.prices == (HOURLY, dearer)


def test_a_price_found_late_holds_from_the_start():
    result = estimate(segment(seconds=10, price=(PriceMark(3 * SECOND, HOURLY),)))
    assert result.total.text() == "0.010000000"


def test_without_a_price_the_total_is_unknown_and_says_why():
    result = estimate(segment(seconds=3600, price=UNPRICED))
    assert result.total is None
    assert result.components[Component.COMPUTE] is None
    (unpriced,) = result.unpriced
    assert (unpriced.meter, unpriced.quantity) == ("machine time", "1.000000 h")
    assert "nobody said" in unpriced.why
    half = estimate(segment(seconds=3600, share="1/2", price=UNPRICED))
    assert half.unpriced[0].quantity == "0.500000 h"


def test_one_node_without_a_price_does_not_hide_the_other():
    result = estimate(segment(machine="i-0"), segment(machine="i-1", price=UNPRICED))
    assert result.total.text() == "0.010000000"
    assert [u.meter for u in result.unpriced] == ["machine time"]


def test_a_second_currency_is_reported_not_added():
    euro = Price("e", Decimal("3.6"), "h", "EUR")
    result = estimate(segment(machine="i-0"), segment(machine="i-1", price=euro))
    assert result.currency == "USD"
    assert result.total.text() == "0.010000000"
    assert "EUR" in result.unpriced[0].why


def test_time_in_the_data_stage_is_data_not_compute():
    result = estimate(segment(seconds=10, stages=[(0, "data"), (4, "train", 0)]))
    assert result.components[Component.DATA].text() == "0.004000000"
    assert result.components[Component.COMPUTE].text() == "0.006000000"


def artifact(price, size=GIB, hours=MONTH_HOURS, **more):
    return Artifact("checkpoint", "/ckpt", size, Interval(0, hours * HOUR), price=price, **more)


def test_a_checkpoint_goes_on_costing_after_the_run():
    price = Price("s3", Decimal("0.023"), "gb_month")
    result = estimate(segment(seconds=10, artifacts=(artifact(price),)))
    assert result.components[Component.STORAGE].text() == "0.023000000"
    assert result.total.text() == "0.033000000"


def test_storage_without_a_price_is_unknown_and_the_rest_stands():
    result = estimate(segment(seconds=10, artifacts=(artifact(NoPrice("disk", "not sold")),)))
    assert result.components[Component.STORAGE] is None
    assert result.total.text() == "0.010000000"
    assert "not sold" in result.unpriced[0].why


def test_an_artifact_of_unknown_size_is_said_to_be():
    result = estimate(segment(artifacts=(artifact(None, size=None),)))
    assert "size is unknown" in result.unpriced[0].why


def test_network_bytes_are_priced_by_class_and_once_per_machine():
    price = Price("net", Decimal("0.09"), "gb")
    sent = Totals(net_tx_bytes=2 * GIB)
    both = (
        segment(id="w", is_wrapper=True, totals=Totals(net_tx_bytes=GIB)),
        segment(id="t", totals=sent),
    )
    assert estimate(*both, network_price=price).components[Component.NETWORK].text() == (
        "0.180000000"
    )
    unknown = estimate(*both)
    assert unknown.components[Component.NETWORK] is None
    assert "class unknown" in unknown.unpriced[0].why


@pytest.mark.parametrize("seconds", [0, 1e-9])
def test_a_run_of_no_length_costs_nothing_and_does_not_fail(seconds):
    assert estimate(segment(seconds=seconds)).total.nano in (0, 1)


def test_what_a_run_pays_of_what_it_claims_depends_on_who_else_claims():
    other = Claim("q", 1, "i-0", Interval(0, 5 * SECOND), Fraction(1))
    crowded = estimate(segment(seconds=10), others=[other])
    assert crowded.paid_share == Fraction(3, 4)
    assert crowded.total.text() == "0.007500000"
    assert crowded.idle_cost.text() == "0.000000000"
    elsewhere = Claim("q", 1, "i-1", Interval(0, 5 * SECOND), Fraction(1))
    mine = Claim("r", 1, "i-0", Interval(0, 10 * SECOND), Fraction(1))
    assert estimate(segment(), others=[elsewhere, mine]).paid_share == 1
    assert estimate(segment(seconds=0)).paid_share is None


def test_an_epoch_lasts_as_long_as_its_slowest_node_and_costs_what_all_do():
    fast = segment(0, 6, machine="i-0", stages=[(0, "train", 0), (4, "eval", 0)])
    slow = segment(0, 9, machine="i-1", stages=[(0, "setup"), (2, "train", 0), (8, "train", 1)])
    result = estimate(fast, slow)
    epochs = [(e.epoch, e.seconds, e.estimated_cost.text()) for e in result.by_epoch()]
    assert epochs == [(0, 6, "0.010000000"), (1, 1, "0.001000000")]
    assert result.by_stage()["train"][0] == 11 * SECOND


def test_the_cost_of_training_is_unknown_where_a_part_of_it_is():
    known = segment(machine="i-0", stages=[(0, "train", 0)])
    unknown = segment(machine="i-1", stages=[(0, "train", 0)], price=UNPRICED)
    result = estimate(known, unknown)
    assert result.train_cost() is None
    assert [e.estimated_cost for e in result.by_epoch()] == [None]
    command = estimate(segment(is_wrapper=True))
    assert command.train_cost().text() == "0.010000000"
    assert estimate(segment(stages=[(0, "eval")])).train_cost() is None


def test_without_a_stage_a_training_sets_up_and_a_wrapped_command_runs():
    assert list(estimate(segment()).by_stage()) == ["setup"]
    assert list(estimate(segment(is_wrapper=True)).by_stage()) == ["run"]
    late = estimate(segment(seconds=10, stages=[(4, "train", 0)]))
    assert late.by_stage()["train"][0] == 10 * SECOND


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"is_wrapper": True}),
        ({}, {"rank": 1}),
        ({"rank": 3}, {"is_wrapper": True}),
    ],
)
def test_the_stages_of_the_training_and_of_the_lowest_rank_count(first, second):
    heard = segment(0, 10, id="z", stages=[(0, "train", 0)], **first)
    passed_over = segment(0, 10, id="a", stages=[(0, "eval")], **second)
    assert list(estimate(heard, passed_over).by_stage()) == ["train"]
    silent = segment(0, 10, id="a")
    spoken = segment(0, 10, id="b", rank=5, stages=[(0, "train", 0)])
    assert list(estimate(silent, spoken).by_stage()) == ["train"]


def test_the_most_trusted_price_of_a_moment_counts():
    shipped = Price("x", Decimal("7.2"), "h", origin="shipped")
    result = estimate(segment(id="a", price=shipped), segment(id="b", rank=1, price=HOURLY))
    assert result.total.text() == "0.010000000"
    unasked = estimate(segment(price=()))
    assert unasked.total is None
    assert unasked.unpriced[0].why == "i-0: no price was looked up yet"
    assert unasked.currency == "USD"


def test_data_without_a_price_makes_the_total_unknown():
    result = estimate(
        segment(machine="i-0"), segment(machine="i-1", stages=[(0, "data")], price=UNPRICED)
    )
    assert result.components[Component.DATA] is None
    assert result.components[Component.COMPUTE].text() == "0.010000000"
    assert result.total is None
    assert result.components[Component.OTHER].nano == 0


def test_storage_without_a_price_says_what_is_held_and_for_how_long():
    def unpriced(*artifacts):
        found = estimate(segment(artifacts=artifacts)).unpriced
        return [(one.meter, one.quantity, one.why) for one in found]

    why = "no storage price was looked up"
    one = artifact(None, hours=2)
    assert unpriced(one) == [("checkpoint storage", "2.000000000 GB-hours of /ckpt", why)]
    other = Artifact("checkpoint", "/b", GIB, Interval(0, HOUR))
    assert unpriced(one, other) == [("checkpoint storage", "3.000000000 GB-hours of 2 files", why)]
    euro = Price("s3", Decimal(1), "gb_month", "EUR")
    assert unpriced(artifact(euro))[0][2] == "its price is in EUR, not in USD"
    assert unpriced(artifact(None, size=0)) == []
    priced = artifact(Price("s3", Decimal("0.023"), "gb_month"))
    both = estimate(segment(artifacts=(priced, one)))
    assert both.components[Component.STORAGE].text() == "0.023000000"
    assert [p.sku for p in both.prices] == [HOURLY.sku, "s3"]
    assert estimate(segment()).components[Component.STORAGE].nano == 0


def test_bytes_sent_add_up_over_machines_and_attempts():
    price = Price("net", Decimal(1), "gb")

    def network(*sent, price=price):
        segments = [
            segment(start, id=str(n), machine=machine, totals=Totals(net_tx_bytes=bytes_))
            for n, (start, machine, bytes_) in enumerate(sent)
        ]
        return estimate(*segments, network_price=price)

    three = network((0, "i-0", GIB), (0, "i-1", GIB), (50, "i-0", GIB))
    assert three.components[Component.NETWORK].text() == "3.000000000"
    assert three.prices == (HOURLY, price)
    assert network((0, "i-0", 0)).components[Component.NETWORK].nano == 0
    nobody = network((0, "i-0", None))
    assert (nobody.components[Component.NETWORK], nobody.unpriced) == (None, ())
    some = network((0, "i-0", None), (0, "i-1", 0))
    assert some.components[Component.NETWORK].nano == 0
    euro = network((0, "i-0", 1), price=Price("net", Decimal(1), "gb", "EUR"))
    assert euro.components[Component.NETWORK] is None
    assert [(u.quantity, u.why) for u in euro.unpriced] == [
        ("1 bytes", "its price is in EUR, not in USD")
    ]
    assert euro.prices == (HOURLY,)

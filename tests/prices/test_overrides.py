"""Overrides: the user's word, exact, dated, never silently dropped."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.prices.listing import Listing
from trainfare.prices.overrides import (
    Override,
    OwnMachine,
    best_override,
    discounted,
    read_overrides,
    set_override,
    unset_override,
)

money = st.decimals("0.000001", "1000000", places=6)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
overrides = st.one_of(
    st.builds(
        Override,
        st.sampled_from(["host", "instance", "accelerator"]),
        st.text("abc-.1", min_size=1),
        amount=money,
        currency=st.sampled_from(["USD", "EUR"]),
        region=st.none() | st.just("us-east-1"),
        option=st.none() | st.just("spot"),
        start=st.none() | days,
        set_on=days,
        note=st.text(max_size=5),
    ),
    st.builds(
        Override,
        st.just("provider"),
        st.sampled_from(["aws", "gcp"]),
        discount_pct=st.decimals("0.01", "99.99", places=2),
    ),
    st.builds(
        Override,
        st.just("host"),
        st.just("box"),
        own=st.builds(OwnMachine, money, money, money, st.decimals("1", "3", places=2), money),
    ),
)


@given(st.lists(overrides, max_size=8))
def test_what_is_set_is_read_back_the_same(tmp_path_factory, wanted):
    home = tmp_path_factory.mktemp("home")
    for item in wanted:
        set_override(home, item)
    kept = {(o.aim, o.name, o.provider, o.region, o.option, o.start): o for o in wanted}
    assert sorted(map(repr, read_overrides(home))) == sorted(map(repr, kept.values()))


def test_the_own_machine_formula_by_hand():
    own = OwnMachine(
        capex=Decimal(300_000),
        years=Decimal(4),
        watts=Decimal(10_200),
        pue=Decimal("1.25"),
        tariff=Decimal("0.12"),
        opex=Decimal("0.75"),
    )
    # 300,000 / 35,040 h = 8.561643835…; 10.2 kW × 1.25 × 0.12 = 1.53; and 0.75
    assert own.per_hour() == Fraction(300_000, 35_040) + Fraction("1.53") + Fraction("0.75")
    assert f"{float(own.per_hour()):.6f}" == "10.841644"


@given(money, st.integers(1, 10))
def test_an_own_machine_earns_back_exactly_its_capex_over_its_life(capex, years):
    own = OwnMachine(capex=capex, years=Decimal(years))
    assert own.per_hour() * years * 8760 == Fraction(capex)


@pytest.mark.parametrize(
    "changes",
    [
        {"capex": Decimal(0)},
        {"capex": Decimal(-1)},
        {"years": Decimal(0)},
        {"pue": Decimal("0.9")},
        {"watts": Decimal("NaN")},
        {"tariff": Decimal("-0.1")},
    ],
)
def test_an_impossible_own_machine_is_refused(changes):
    with pytest.raises(BadInput):
        OwnMachine(**{"capex": Decimal(1), "years": Decimal(1), **changes})


@given(money, st.decimals("0.01", "99.99", places=2))
def test_a_discount_and_its_rest_make_the_whole(amount, percent):
    listing = Listing("aws", "r", "t", "on_demand", amount, "2026-07-20")
    off = discounted(listing, Override("provider", "aws", discount_pct=percent))
    rest = discounted(listing, Override("provider", "aws", discount_pct=100 - percent))
    assert Fraction(off.amount) + Fraction(rest.amount) == Fraction(amount)
    assert off.as_of == "2026-07-20", "a discount makes a list price no younger"


def test_validity_is_half_open():
    item = Override(
        "instance", "t", amount=Decimal(1), start=date(2026, 1, 1), end=date(2027, 1, 1)
    )
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [item.holds_on(day) for day in days] == [False, True, True, False]


def test_the_more_exact_aim_wins_then_the_later_start_then_the_last_set():
    day = date(2026, 6, 1)
    discount = Override("provider", "aws", discount_pct=Decimal(5))
    gpu = Override("accelerator", "H100", amount=Decimal(2))
    kind = Override("instance", "p5", amount=Decimal(3))
    here = Override("instance", "p5", amount=Decimal(4), region="us-east-1")
    sku = Override("sku", "aws/us-east-1/p5/on_demand", amount=Decimal(5))
    host = Override("host", "i-1", amount=Decimal(6))
    star = Override("host", "*", amount=Decimal(9))
    order = [star, discount, gpu, kind, here, sku, host]
    for count in range(1, len(order) + 1):
        assert best_override(order[:count], day) is order[count - 1]
        assert best_override(order[:count][::-1], day) is order[count - 1]
    old = Override("host", "i-1", amount=Decimal(7), start=date(2026, 1, 1))
    new = Override("host", "i-1", amount=Decimal(8), start=date(2026, 5, 1))
    assert best_override([new, old, host], day) is new
    assert best_override([new, old], date(2026, 2, 1)) is old
    assert best_override([kind, Override("instance", "p5", amount=Decimal(9))], day).amount == 9
    assert best_override([new], date(2020, 1, 1)) is None


@pytest.mark.parametrize(
    "words",
    [
        {"aim": "model", "name": "x", "amount": Decimal(1)},
        {"aim": "host", "name": "", "amount": Decimal(1)},
        {"aim": "host", "name": "x"},
        {"aim": "host", "name": "x", "amount": Decimal(1), "discount_pct": Decimal(1)},
        {"aim": "host", "name": "x", "discount_pct": Decimal(1)},
        {"aim": "provider", "name": "aws", "amount": Decimal(1)},
        {"aim": "provider", "name": "aws", "discount_pct": Decimal(100)},
        {"aim": "provider", "name": "aws", "discount_pct": Decimal(0)},
        {"aim": "host", "name": "x", "amount": Decimal(-1)},
        {"aim": "host", "name": "x", "amount": Decimal("Infinity")},
        {"aim": "host", "name": "x", "amount": Decimal(1), "currency": "usd"},
        {"aim": "host", "name": "x", "amount": Decimal(1), "unit": "gb"},
        {"aim": "sku", "name": "aws/x", "amount": Decimal(1)},
        {
            "aim": "host",
            "name": "x",
            "amount": Decimal(1),
            "start": date(2026, 1, 2),
            "end": date(2026, 1, 2),
        },
    ],
)
def test_an_impossible_override_is_refused(words):
    with pytest.raises(BadInput):
        Override(**words)


def test_unset_removes_all_of_one_aim_and_names_what_is_left(tmp_path):
    for start in (None, date(2026, 1, 1)):
        set_override(tmp_path, Override("instance", "p5", amount=Decimal(1), start=start))
    set_override(tmp_path, Override("host", "box", amount=Decimal(1)))
    assert unset_override(tmp_path, "instance", "p5") == 2
    with pytest.raises(NotFound, match="set are: host box"):
        unset_override(tmp_path, "instance", "p5")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"overrides": 3}',
        '{"overrides": [{"aim": "host"}]}',
        '{"overrides": [{"aim": "host", "name": "x", "amount": "abc"}]}',
        '{"overrides": [{"aim": "host", "name": "x", "amount": "1", "amuont": "2"}]}',
        '{"overrides": [{"aim": "host", "name": "x", "own": {"capex": "1", "life": "2"}}]}',
        '{"overrides": [7]}',
        "\xff",
    ],
)
def test_a_damaged_file_is_loud_and_names_itself(tmp_path, text):
    path = tmp_path / "prices" / "overrides.json"
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"overrides\.json"):
        read_overrides(tmp_path)


def test_a_number_without_quotes_in_a_hand_edit_stays_exact(tmp_path):
    path = tmp_path / "prices" / "overrides.json"
    path.parent.mkdir()
    rows = [{"aim": "host", "name": "x", "amount": 0.1}]
    path.write_text(json.dumps({"overrides": rows}))
    assert read_overrides(tmp_path)[0].amount == Decimal("0.1")


def test_two_that_set_at_once_both_hold(tmp_path):
    def put(number):
        set_override(tmp_path, Override("host", f"box-{number}", amount=Decimal(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(1, 25)))
    assert len(read_overrides(tmp_path)) == 24


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path):
    home = tmp_path / "file"
    home.write_text("")
    with pytest.raises(OutsideFailed, match="cannot be written"):
        set_override(home, Override("host", "x", amount=Decimal(1)))

"""Carrying the cost of data: conserved, in any order, through any number of data runs."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.carry import Account, CarryRule, carry
from trainfare.core.dataset import Output, Reading
from trainfare.core.errors import BadInput

RULES = st.sampled_from(list(CarryRule))
DATA = ["raw", "clean", "tokens"]
RUNS = [*DATA, "t1", "t2", "t3"]
size = st.none() | st.integers(0, 10**6)


@st.composite
def outputs(draw):
    """What data runs made; each is read by later data runs and by trainings, so never in circles."""
    found = []
    for place, run in enumerate(DATA):
        later = RUNS[place + 1 :]
        for name in draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True)):
            readers = draw(st.lists(st.sampled_from(later), unique=True))
            readings = [Reading(one, draw(st.integers(0, 9)), draw(size)) for one in readers]
            found.append(Output(run, f"{run}/{name}", draw(size), draw(size), tuple(readings)))
    return found


accounts = st.fixed_dictionaries(
    {
        run: st.builds(
            Account,
            st.none() | st.integers(-(10**12), 10**15),
            st.just("no price was known"),
            st.none() | st.integers(0, 10**12),
        )
        for run in RUNS
    }
)


@given(outputs(), RULES, accounts)
def test_what_is_received_was_given(made, rule, own):
    found = carry(made, rule, own)
    assert sum(found.moved.values()) == 0
    for share in found.shares:
        assert 0 <= share.weight <= share.whole


@given(outputs(), RULES, accounts)
def test_everything_of_a_data_run_is_carried_on_or_kept_by_name(made, rule, own):
    found = carry(made, rule, own)
    for run in {one.run for one in made} if rule is not CarryRule.APART else ():
        received = sum(one.nano for one in found.shares if one.reader == run)
        given_on = sum(one.nano for one in found.shares if one.maker == run)
        kept = sum(one.nano for one in found.kept if one.maker == run)
        assert given_on + kept == (own[run].nano or 0) + received


@given(outputs(), RULES, accounts, st.randoms())
def test_the_order_in_which_anything_is_told_changes_nothing(made, rule, own, random):
    shuffled = [
        replace(one, readings=tuple(random.sample(one.readings, len(one.readings))))
        for one in random.sample(made, len(made))
    ]
    names = random.sample(list(own), len(own))
    found = carry(shuffled, rule, {name: own[name] for name in names})
    assert found == carry(made, rule, own)


@given(outputs(), RULES, accounts, st.integers(0, 10**12))
def test_data_that_nobody_uses_stays_with_its_run_and_changes_nothing_else(made, rule, own, nano):
    before = carry(made, rule, own)
    unused = [*made, Output("unused", "unused/x", 7)]
    after = carry(unused, rule, {**own, "unused": Account(nano, None, 5)})
    assert (after.shares, after.moved) == (before.shares, before.moved)
    if rule is not CarryRule.APART:
        assert [one.nano for one in after.kept if one.maker == "unused"] == [nano]


@given(
    st.integers(0, 10**15),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=4),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=4),
)
def test_through_two_data_runs_the_shares_compose(nano, firsts, seconds):
    """raw is read by a chain of middle runs' makers, each middle by all trainings."""
    middles = [f"m{n}" for n in range(len(firsts))]
    trainings = [f"t{n}" for n in range(len(seconds))]
    made = [Output("raw", "raw", 1, None, readings(middles, firsts))]
    made += [Output(one, one, 1, None, readings(trainings, seconds)) for one in middles]
    own = {one: Account(0, None, 1) for one in (*middles, *trainings)}
    found = carry(made, CarryRule.BYTES, {**own, "raw": Account(nano, None, 1)})
    for run, weight in zip(trainings, seconds, strict=True):
        exact = Fraction(nano * weight, sum(seconds))
        assert abs(found.moved[run] - exact) <= len(middles)
    assert all(found.moved.get(one, 0) == 0 for one in middles)


def readings(runs, weights):
    return tuple(Reading(run, 0, weight) for run, weight in zip(runs, weights, strict=True))


def known(nano=0, time_ns=1):
    return Account(nano, None, time_ns)


PREP = Output("prep", "s3://lake/clean", 100, None, (Reading("t1", 2, 300), Reading("t2", 1, 100)))
OWN = {"prep": known(1000), "t1": known(30, 5), "t2": known(10, 15)}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("even", {"t1": 500, "t2": 500}),
        ("bytes", {"t1": 750, "t2": 250}),
        ("time", {"t1": 250, "t2": 750}),
        ("cost", {"t1": 750, "t2": 250}),
        ("first", {"t1": 0, "t2": 1000}),
    ],
)
def test_each_rule_divides_by_what_it_says(rule, expected):
    found = carry([PREP], CarryRule(rule), OWN)
    assert found.moved == {"prep": -1000, **expected}


def test_kept_apart_nothing_moves():
    found = carry([PREP], CarryRule.APART, OWN)
    assert (found.shares, found.moved) == ((), {})


def test_outputs_share_a_runs_cost_by_its_word_else_by_size_else_evenly():
    def parts(*weights_and_sizes):
        made = [
            Output("prep", f"o{n}", size, weight, (Reading(f"t{n + 1}", 0, 1),))
            for n, (weight, size) in enumerate(weights_and_sizes)
        ]
        found = carry(made, CarryRule.EVEN, OWN)
        return [found.moved["t1"], found.moved["t2"]]

    assert parts((9, 50), (1, 50)) == [900, 100]
    assert parts((9, 20), (None, 80)) == [200, 800]
    assert parts((None, 20), (None, None)) == [500, 500]


def test_an_unused_output_keeps_its_part_of_the_run():
    other = Output("prep", "s3://lake/rest", 300)
    found = carry([PREP, other], CarryRule.EVEN, OWN)
    assert found.moved == {"prep": -250, "t1": 125, "t2": 125}
    assert [(one.output, one.nano, one.why) for one in found.kept] == [
        ("s3://lake/rest", 750, "no run read it")
    ]


def read_by(name, *readers, weight=10, of=()):
    return Output(
        "prep", name, None, weight, tuple(Reading(one, 0, 1) for one in readers), made_of=tuple(of)
    )


def test_work_that_went_into_another_output_goes_on_with_it_if_that_is_read():
    raw, clean = read_by("raw", weight=70), read_by("clean", weight=20, of=["raw"])
    words = read_by("words", "t1", weight=10, of=["clean"])
    assert carry([raw, clean, words], CarryRule.EVEN, OWN).moved == {"prep": -1000, "t1": 1000}
    unread = replace(words, readings=())
    found = carry([raw, clean, unread], CarryRule.EVEN, OWN)
    assert [one.nano for one in found.kept] == [200, 700, 100]


def test_what_is_read_itself_and_made_into_others_is_shared_between_them():
    clean = read_by("clean", "t2", weight=90)
    words, rest = read_by("words", "t1", of=["clean"]), read_by("rest", weight=0, of=["clean"])
    found = carry([clean, words, rest], CarryRule.EVEN, OWN)
    assert found.moved == {"prep": -1000, "t1": 550, "t2": 450}


@given(st.data())
def test_handing_on_work_inside_a_run_loses_none_of_it(data):
    names = ["a", "b", "c", "d"]
    made = [
        read_by(
            name,
            *data.draw(st.lists(st.sampled_from(["t1", "t2"]), unique=True)),
            weight=data.draw(st.integers(0, 100)),
            of=data.draw(st.lists(st.sampled_from(names[:n]), unique=True)) if n else [],
        )
        for n, name in enumerate(names)
    ]
    found = carry(made, CarryRule.EVEN, OWN)
    assert sum(one.nano for one in (*found.shares, *found.kept)) == 1000
    live = {one.uri for one in made if one.readings}
    for one in reversed(made):
        live |= set(one.made_of) if one.uri in live else set()
    if any(one.weight for one in made):
        assert all(one.nano == 0 for one in found.kept if one.output in live)


def test_outputs_made_of_each_other_are_refused():
    made = [read_by("a", "t1", of=["b"]), read_by("b", of=["a"])]
    with pytest.raises(BadInput, match="made of each other in a circle: a → b → a"):
        carry(made, CarryRule.EVEN, OWN)


def test_what_cannot_be_weighed_stays_and_says_why():
    unknown = replace(PREP, readings=(Reading("t1", 0, None), Reading("t2", 0, 100)))
    found = carry([unknown], CarryRule.BYTES, OWN)
    assert found.moved.get("t2", 0) == 0
    assert found.kept[0].why == "it is not known what t1 weighs by bytes"
    assert found.lacking == dict.fromkeys(("prep", "t1", "t2"), f"prep: {found.kept[0].why}")


@pytest.mark.parametrize("size", [None, 0])
def test_a_single_reader_gets_everything_whatever_its_size(size):
    single = replace(PREP, readings=(Reading("t1", 0, size),))
    found = carry([single], CarryRule.BYTES, OWN)
    assert found.moved == {"prep": -1000, "t1": 1000}
    assert (found.kept, found.lacking) == ((), {})


def test_what_cannot_be_weighed_leaves_other_outputs_of_the_same_run_known():
    unknown = replace(PREP, uri="z", readings=(Reading("t1", 0, None), Reading("prep2", 0, 1)))
    found = carry([PREP, unknown], CarryRule.BYTES, {**OWN, "prep2": known()})
    assert found.moved == {"prep": -500, "t1": 375, "t2": 125}
    assert found.lacking.keys() == {"prep", "t1", "prep2"}


def test_a_cost_that_is_not_known_is_unknown_where_it_would_be_carried():
    raw = Output("raw", "raw", 1, None, (Reading("prep", 0, 1),))
    found = carry([raw, PREP], CarryRule.EVEN, {**OWN, "raw": Account(None, "no price", 1)})
    assert found.moved == {"raw": 0, "prep": -1000, "t1": 500, "t2": 500}
    assert found.lacking == dict.fromkeys(("raw", "prep", "t1", "t2"), "raw: no price")


def test_runs_outside_the_report_take_no_part():
    found = carry([PREP], CarryRule.EVEN, {run: OWN[run] for run in ("prep", "t2")})
    assert found.moved == {"prep": -1000, "t2": 1000}
    found = carry([PREP], CarryRule.EVEN, {"prep": OWN["prep"]})
    assert found.kept[0].why == "none of the runs that read it is in this report"
    assert carry([PREP], CarryRule.EVEN, {"t1": OWN["t1"]}).moved == {}


def test_only_data_runs_are_carried():
    pretraining = replace(PREP, is_data=False)
    assert carry([pretraining], CarryRule.EVEN, OWN).moved == {}


def test_data_read_in_a_circle_stays_and_its_readers_do_not_know_what_they_lack():
    one = Output("a", "x", 1, None, (Reading("b", 0, 1),))
    two = Output("b", "y", 1, None, (Reading("a", 0, 1),))
    out = Output("a", "z", 1, None, (Reading("t1", 0, 1),))
    own = {"a": known(10), "b": known(20), "t1": known(1), "prep": known(1000), "t2": known(1)}
    read = replace(PREP, readings=(Reading("t2", 0, 1),))
    found = carry([one, two, out, read], CarryRule.EVEN, own)
    assert found.moved == {"a": -5, "t1": 5, "prep": -1000, "t2": 1000}
    assert {run: nano.nano for run in "ab" for nano in found.kept if nano.maker == run} == {
        "a": 5,
        "b": 20,
    }
    assert found.lacking.keys() == {"a", "b", "t1"}
    assert found.lacking["b"] == "a: a and b read each other's data in a circle"


@pytest.mark.parametrize("foreign", ["t2", "prep"])
def test_nothing_is_carried_into_another_currency_and_both_sides_say_so(foreign):
    own = {run: account for run, account in OWN.items() if run != foreign}
    found = carry([PREP], CarryRule.EVEN, own, {foreign: "is paid in EUR"})
    assert sum(found.moved.values()) == 0
    assert not found.shares
    assert "is paid in EUR" in found.lacking["t1"]
    assert foreign in found.lacking["t1"]

"""Credits: read from any form, added up exactly, told by kind."""

import json
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.gcp_bills import CUD, DOLLARS, FLEXIBLE
from trainfare.billing.canonical import Chunk, Desk, Draft
from trainfare.billing.components import Components
from trainfare.billing.gcp_credits import MACHINES, SPEND, credits_of
from trainfare.billing.gcp_rows import Rows
from trainfare.billing.problems import Problems

NESTED = pa.list_(
    pa.struct(
        [
            ("name", pa.string()),
            ("amount", pa.decimal128(38, 20)),
            ("full_name", pa.string()),
            ("id", pa.string()),
            ("type", pa.string()),
        ]
    )
)


def rows_of(values):
    chunk = Chunk("export", 1, pa.RecordBatch.from_arrays([values], ["credits"]))
    return Rows(chunk, Draft(chunk), Desk(Problems(), Components(())))


def fractions(exact):
    limbs = [limb.to_pylist() for limb in exact.limbs]
    return [
        Fraction(whole, 10**9)
        + sum(Fraction(limb[row], 10 ** (18 + 9 * at)) for at, limb in enumerate(limbs))
        for row, whole in enumerate(exact.nano.to_pylist())
    ]


AMOUNT = st.decimals("-9999", "9999", places=20)
CREDIT = st.fixed_dictionaries(
    {"amount": AMOUNT},
    optional={
        "name": st.sampled_from(["a", 'b"c', "é"]),
        "type": st.sampled_from([CUD, DOLLARS, "PROMOTION", "FEE_UTILIZATION_OFFSET"]),
        "id": st.sampled_from(["1", "2"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(lists=st.lists(st.one_of(st.none(), st.lists(CREDIT, max_size=3)), min_size=1, max_size=6))
def test_text_and_nested_lists_add_up_to_the_same(lists):
    texts = pa.array(
        [None if each is None else json.dumps(each, default=str) for each in lists], pa.string()
    )
    for values in (texts, texts.dictionary_encode(), pa.array(lists, NESTED)):
        rows = rows_of(values)
        found = credits_of(rows)
        assert not rows.desk.problems

        def added(kind, lists=lists):
            return [
                sum(
                    (
                        Fraction(one["amount"])
                        for one in each or []
                        if kind is None or one.get("type") == kind
                    ),
                    Fraction(0),
                )
                for each in lists
            ]

        assert fractions(found.total) == added(None)
        assert fractions(found.machines) == added(CUD)
        assert fractions(found.spend) == added(DOLLARS)
        offset = [amount != 0 for amount in added("FEE_UTILIZATION_OFFSET")]
        assert found.on_fee.to_pylist() == offset
        for each, text in zip(lists, found.texts.to_pylist(), strict=True):
            told = json.loads(text or "[]")
            assert [Fraction(one["amount"]) for one in told] == [
                Fraction(one["amount"]) for one in each or []
            ]
            assert [one.get("type") for one in told] == [one.get("type") for one in each or []]


def test_credits_are_spelt_with_sorted_keys():
    text = json.dumps([{"type": "PROMOTION", "name": 'a "b"', "amount": -1.50}])
    found = credits_of(rows_of(pa.array([text])))
    assert found.texts.to_pylist() == ['[{"amount":"-1.5","name":"a \\"b\\"","type":"PROMOTION"}]']


@pytest.mark.parametrize("text", ["", "[]", " [] ", "{}", "null", "NULL", None])
def test_no_credits_are_none(text):
    rows = rows_of(pa.array([text], pa.string()))
    found = credits_of(rows)
    assert fractions(found.total) == [0]
    assert found.texts.to_pylist() == [None]
    assert not rows.desk.problems


def test_python_lists_are_read():
    rows = rows_of(pa.array(["[{'name': 'a', 'amount': -1.5}]", "[]"]))
    found = credits_of(rows)
    assert fractions(found.total) == [Fraction(-3, 2), 0]
    assert not rows.desk.problems


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("none", "credits"),
        ('"none"', "credits"),
        ("[1]", "credits"),
        ("[[]]", "credits"),
        ('{"amount": 1}', "credits"),
        ('[{"name": "a"}]', "credits"),
        ('[{"amount": null}]', "credits"),
        ('[{"amount": ""}]', "credits.amount"),
        ('[{"amount": "1,5"}]', "credits.amount"),
        ('[{"amount": [1]}]', "credits.amount"),
        ('[{"amount": 1}', "credits"),
        ('[],[{"amount": 1}', "credits"),
    ],
)
def test_what_is_no_list_of_credits_is_a_problem(text, column):
    rows = rows_of(pa.array(["[]", text, '[{"amount": -2}]']))
    found = credits_of(rows)
    (problem,) = rows.desk.problems.shown
    assert (problem.row, problem.column) == (2, column)
    assert fractions(found.total)[2] == -2


def test_texts_that_only_together_are_lists_are_problems():
    """Read one after the other they would be two lists of one credit each."""
    rows = rows_of(pa.array(['[{"amount": 1}],[{"amount": 2}', '{"amount": 3}]']))
    credits_of(rows)
    assert [problem.row for problem in rows.desk.problems.shown] == [1, 2]


def test_a_nested_credit_without_amount_is_a_problem():
    rows = rows_of(pa.array([[{"name": "a", "amount": None}], []], NESTED))
    credits_of(rows)
    (problem,) = rows.desk.problems.shown
    assert (problem.row, problem.column) == (1, "credits.amount")


@pytest.mark.parametrize(
    ("credit", "kind"),
    [
        ({"name": "Committed Usage Discount: CPU"}, "machines"),
        ({"name": FLEXIBLE}, "spend"),
        ({"full_name": "Committed use discount - spend based: x"}, "spend"),
        ({"name": "Sustained Usage Discount"}, None),
        ({"name": "Committed Usage Discount: CPU", "type": "PROMOTION"}, None),
        ({"type": CUD}, "machines"),
        ({"type": DOLLARS}, "spend"),
    ],
)
def test_the_type_tells_what_a_credit_is_for_or_else_its_name(credit, kind):
    found = credits_of(rows_of(pa.array([json.dumps([{**credit, "amount": -1}])])))
    assert fractions(found.machines) == [-1 if kind == "machines" else 0]
    assert fractions(found.spend) == [-1 if kind == "spend" else 0]


def test_a_row_is_named_by_its_first_commitment_credit():
    texts = [
        json.dumps([{"amount": -1, "name": "x", "type": "PROMOTION"}]),
        json.dumps(
            [
                {"amount": -1, "name": "x", "type": "PROMOTION"},
                {"amount": -1, "name": "short", "full_name": "long", "type": DOLLARS},
                {"amount": -1, "name": "other", "type": CUD},
            ]
        ),
        "[]",
    ]
    found = credits_of(rows_of(pa.array(texts)))
    assert found.names(MACHINES, SPEND).to_pylist() == [None, "long", None]
    assert found.names(MACHINES).to_pylist() == [None, "other", None]


def test_an_export_without_credits_has_none():
    chunk = Chunk("export", 1, pa.RecordBatch.from_arrays([pa.array(["x", "y"])], ["cost"]))
    found = credits_of(Rows(chunk, Draft(chunk), Desk(Problems(), Components(()))))
    assert fractions(found.total) == [0, 0]
    assert found.texts.to_pylist() == found.names(SPEND).to_pylist() == [None, None]
    assert found.on_fee.to_pylist() == [False, False]

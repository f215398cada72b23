"""Columns of Azure's exports are found by any of their names."""

import json

import pyarrow as pa

from billing.bills import sample
from trainfare.billing.amounts import Exact
from trainfare.billing.azure_rows import ALIASES, Header, chosen, lowered, without
from trainfare.billing.detect import detect


def test_case_never_tells_two_columns_apart():
    assert Header(["billingcurrency"]).found("currency") == ["billingcurrency"]
    assert Header(["BILLINGCURRENCYCODE"]).found("currency") == ["BILLINGCURRENCYCODE"]


def test_the_cost_in_billing_currency_comes_before_any_other():
    header = Header(["Cost", "costInUsd", "costInBillingCurrency", "costInPricingCurrency"])
    assert header.found("cost") == ["costInBillingCurrency", "Cost"]


def test_a_missing_column_is_told_by_its_usual_name():
    assert Header([]).told("cost") == "CostInBillingCurrency"
    assert Header([]).found("cost") == []


def test_microsofts_own_schemas_have_what_is_needed():
    for kind in ("actual", "amortized"):
        told = json.loads(sample(f"azure/schema_{kind}cost_c360-2025-04.json").read_text())
        columns = [each["sink"]["name"] for each in told["translator"]["mappings"]]
        header = Header(columns)
        assert detect(columns, "part_0.csv", f"{kind}Cost") == f"azure-{kind}"
        missing = [word for word in ALIASES if not header.found(word)]
        assert set(missing) <= {
            *("benefit", "benefit_name", "invoice", "list_cost", "list_price", "partner"),
            *("pricing", "pricing_cost", "pricing_currency", "rate"),
        }


def test_only_known_columns_are_read():
    assert Header(["Cost", "CostCenter", "Date"]).wanted == ["Cost", "Date"]


def test_words_are_chosen_row_by_row():
    where, first = pa.array([True, True, False]), pa.array([True, False, True])
    assert chosen(where, first, "a", "b").to_pylist() == ["a", "b", None]


def test_small_letters_join_what_only_case_told_apart():
    texts = pa.array(["A", "a", None]).dictionary_encode()
    small = lowered(texts)
    assert small.to_pylist() == ["a", "a", None]
    assert len(small.dictionary) == 1


def test_amounts_become_unknown_where_told():
    exact = Exact(pa.array([1, 2]), (pa.array([3, 4]),))
    found = without(exact, pa.array([True, False]))
    assert (found.nano.to_pylist(), found.limbs[0].to_pylist()) == ([None, 2], [0, 4])

"""What was told of commitments is kept, and the last word counts; the same on both databases."""

from dataclasses import replace

import pytest

from trainfare.core.contract import Contract
from trainfare.core.money import Money
from trainfare.store.contracts import current_contracts, put_contracts
from trainfare.store.ledger import open_ledger

TOLD = Contract(
    id="arn:aws:savingsplans::1:savingsplan/é",
    kind="aws_compute_savings_plan",
    name="der große Plan",
    provider="aws",
    currency="EUR",
    per_hour=Money(2**62, "EUR"),
    start_ns=2**61,
    end_ns=2**62,
    source="by hand",
    at_ns=2**62,
    who="ada@lab",
    rates={"aws/us-east-1/p5.48xlarge": 2**62},
    promised=Money(-7, "EUR"),
)


@pytest.fixture
def ledger(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as opened:
        yield opened


def tell(ledger, *contracts):
    with ledger.change() as connection:
        put_contracts(connection, contracts)
    with ledger.look() as connection:
        return current_contracts(connection)


def test_a_contract_comes_back_as_it_was(ledger):
    other = replace(TOLD, id="b", per_hour=None, promised=None, rates={}, state="proposed")
    found = tell(ledger, TOLD, other)
    assert found == {TOLD.id: TOLD, "b": other}
    assert found[TOLD.id].rates == TOLD.rates


def test_nothing_an_hour_is_not_unknown(ledger):
    free = replace(TOLD, per_hour=Money.zero("EUR"), promised=Money.zero("EUR"))
    assert tell(ledger, free)[TOLD.id] == free


def test_the_last_word_counts_and_what_was_withdrawn_is_gone(ledger):
    longer = replace(TOLD, end_ns=2**62 + 1)
    assert tell(ledger, TOLD, longer) == {TOLD.id: longer}
    assert tell(ledger, replace(TOLD, state="withdrawn")) == {}
    assert tell(ledger, TOLD) == {TOLD.id: TOLD}

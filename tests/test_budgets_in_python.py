"""Budgets as Python code sets and asks for them."""

import pytest

import trainfare
from trainfare import BadInput, Budget, Money


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")


def test_a_budget_is_set_and_stands():
    budget = trainfare.set_budget("nlp", "5", scope="team=nlp", period="month", at=["100%:stop"])
    with trainfare.track(team="nlp", price="3600/h"):
        pass
    [standing] = trainfare.standings()
    assert standing.budget == budget
    assert Money(0) < standing.spent < Money.parse("5")
    assert standing.state == "ok"


def test_a_budget_object_holds_one_run():
    budget = Budget("mine", Money.parse("100"))
    with trainfare.track(price="3.6/h", budget=budget) as run:
        assert not run.should_stop


@pytest.mark.parametrize(
    "words", [{"limit": 5.0}, {"period": "year"}, {"view": "net"}, {"name": "A B"}, {"at": ["90"]}]
)
def test_words_that_make_no_sense_set_nothing(words):
    with pytest.raises(BadInput):
        trainfare.set_budget(**{"name": "b", "limit": "5", **words})
    assert trainfare.standings() == []

"""``trainfare compare``: differences are exact, and nothing unknown becomes a number."""

from decimal import Decimal

import pytest

from cli.recordings import Recorder, record_training
from trainfare.core.price import NoPrice, Price


@pytest.fixture
def two(home, frozen):
    record_training(home, "r-a", name="a.py", labels={"team": "nlp", "lr": "0.1"}, gpus=2)
    euros = {"price": Price("stated", Decimal("7.2"), "h")}
    record_training(
        home, "r-b", name="b.py", labels={"team": "nlp", "lr": "0.01"}, epochs=2, gpus=2, **euros
    )


def rows_of(document):
    return {(row["section"], row["what"]): row for row in document["rows"]}


def test_the_table_reads_as_agreed(two, text, golden):
    golden("compare", text("compare", "r-a", "r-b"))


def test_values_are_the_exact_texts_of_both_receipts(two, answer):
    found = answer("compare", "r-a", "r-b")
    receipts = [answer("receipt", run) for run in ("r-a", "r-b")]
    rows = rows_of(found)
    assert rows["money", "total"]["values"] == [r["estimated"]["total"] for r in receipts]
    for part in ("compute", "storage", "data", "network", "other"):
        amounts = [r["estimated"]["components"][part] for r in receipts]
        assert rows["money", part]["values"] == amounts
    assert rows["unit", "per step"]["values"] == [r["estimated_per_step"] for r in receipts]
    assert rows["epoch", "epoch 2"]["values"] == [receipts[0]["epochs"][2]["estimated"], None]
    assert rows["metric", "loss"]["values"] == ["0.5", "1.0"]
    assert rows["activity", "GPU activity"]["values"] == ["0.900", "0.900"]
    assert found["runs"][1]["labels"] == {"team": "nlp", "lr": "0.01"}


def test_differences_are_second_minus_first_without_loss(two, answer):
    for row in answer("compare", "r-a", "r-b")["rows"]:
        if None in row["values"] or row["units"][0] != row["units"][1]:
            assert (row["difference"], row["ratio"]) == (None, None)
            continue
        first, second = map(Decimal, row["values"])
        assert Decimal(row["difference"]) == second - first
        if first:
            assert abs(Decimal(row["ratio"]) - second / first) <= Decimal("0.0000005")


def test_a_run_beside_itself_differs_in_nothing(two, answer):
    for row in answer("compare", "r-a", "r-a")["rows"]:
        assert row["difference"] in (None, "0.000000000", "0", "0.000", "0.0")
        assert row["ratio"] in (None, "1.000000")


def test_amounts_of_two_currencies_are_never_set_against_each_other(home, frozen, answer, text):
    record_training(home, "r-usd")
    record_training(home, "r-eur", price=Price("stated", Decimal("3.6"), "h", "EUR"))
    rows = rows_of(answer("compare", "r-usd", "r-eur"))
    total = rows["money", "total"]
    assert total["units"] == ["USD", "EUR"]
    assert (total["difference"], total["ratio"]) == (None, None)
    assert rows["time", "total"]["difference"] == "0.000000000"
    assert "$" in text("compare", "r-usd", "r-eur")


def test_what_one_run_does_not_know_is_unknown_and_what_it_lacks_is_a_dash(home, frozen, text):
    record_training(home, "r-a")
    record_training(home, "r-b", price=NoPrice("x", "nobody knows"), epochs=1)
    lines = {line[:16].strip(): line.split() for line in text("compare", "r-a", "r-b").splitlines()}
    assert lines["estimated"][-1] == "unknown"
    assert lines["epoch 1"][-1] == "—"


def test_what_one_run_had_nothing_of_is_none_as_on_its_receipt(home, frozen, text):
    record_training(home, "r-a")
    short = Recorder(home, "r-b")
    short.ride(20)
    short.end()
    lines = {line[:16].strip(): line.split() for line in text("compare", "r-a", "r-b").splitlines()}
    for name in ("storage", "per epoch", "per step"):
        assert "none" in lines[name]
        assert "unknown" not in lines[name]


def test_a_metric_that_is_not_a_number_has_no_difference(home, frozen, answer):
    for run, loss in (("r-a", 1.0), ("r-b", float("nan"))):
        made = Recorder(home, run)
        made.ride(1)
        made.log(loss=loss)
        made.end()
    row = rows_of(answer("compare", "r-a", "r-b"))["metric", "loss"]
    assert (row["values"], row["difference"], row["ratio"]) == (["1.0", "nan"], None, None)


def test_many_epochs_stay_out_of_the_table(home, frozen, text, answer):
    record_training(home, "r-a", epochs=20, seconds=2)
    assert "epoch 1" not in text("compare", "r-a", "r-a")
    assert ("epoch", "epoch 19") in rows_of(answer("compare", "r-a", "r-a"))


@pytest.mark.parametrize("words", [[], ["r-a"], ["r-a", "r-b", "r-a"], ["r-a", "nobody"]])
def test_wrong_words_get_one_sentence(two, say, words):
    code, out, err = say("compare", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)

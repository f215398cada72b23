"""``trainfare budget``: what it says and how it exits."""

import json

import pytest

from cli.recordings import record_training
from metering.instruments import Clock
from trainfare.metering.audit import read_audit


@pytest.fixture
def two(home, frozen):
    """Two runs of the same team: 67 s and 27 s at $0.001 a second, and what the first one keeps."""
    record_training(home, "r-1", labels={"model": "bert", "team": "nlp"})
    clock = Clock()
    clock.advance(600)
    record_training(home, "r-2", clock=clock, epochs=1, labels={"model": "gpt", "team": "nlp"})


def only(found):
    [one] = found["budgets"]
    return one


def test_a_budget_counts_the_runs_of_its_scope(two, text, answer):
    text("budget", "set", "nlp", "--limit", "1", "--scope", "team=nlp and model=gpt")
    text("budget", "set", "all", "--limit", "1")
    both, gpt = answer("budget", "list")["budgets"]
    runs = {one["run"]: one["estimated"]["total"] for one in answer("runs")["runs"]}
    assert gpt["spent"] == runs["r-2"]
    assert float(both["spent"]) == pytest.approx(sum(map(float, runs.values())))
    assert (gpt["id"], gpt["scope"], gpt["limit"], gpt["currency"], gpt["state"]) == (
        "nlp", {"selection": "team=nlp and model=gpt"}, "1.000000000", "USD", "ok",
    )  # fmt: skip


def test_a_budget_on_each_run_answers_for_each(two, text, answer):
    text("budget", "set", "each", "--limit", "0.05", "--period", "run")
    states = {one["run"]: one["state"] for one in answer("budget", "list")["budgets"]}
    assert states == {"r-1": "over", "r-2": "ok"}


@pytest.mark.parametrize(
    ("limit", "code", "state"), [("1", 0, "ok"), ("0.1", 0, "warn"), ("0.01", 1, "over")]
)
def test_check_exits_1_when_a_budget_is_over(two, say, text, limit, code, state):
    text("budget", "set", "all", "--limit", limit)
    found, out, err = say("budget", "check", "--format", "json")
    assert (found, err, only(json.loads(out))["state"]) == (code, "", state)


def test_nothing_counts_before_a_budget_starts(two, text, answer):
    text("budget", "set", "later", "--limit", "1", "--from", "2030-01-01T00:00:00Z")
    assert only(answer("budget", "list"))["spent"] == "0.000000000"


def test_a_run_without_a_price_is_said_not_to_be_in_it(home, frozen, text, answer):
    from trainfare.core.price import NoPrice

    record_training(home, "r-1", labels={"team": "nlp"})
    record_training(home, "r-2", price=NoPrice("m", "nobody said"), labels={"team": "nlp"})
    text("budget", "set", "nlp", "--limit", "1", "--scope", "team=nlp")
    found = only(answer("budget", "list"))
    assert found["why"] == "1 of 2 runs have no price"
    assert found["spent"] is not None


def test_money_of_another_currency_is_unknown_not_zero(two, say, text, answer):
    text("budget", "set", "euro", "--limit", "1EUR")
    found = only(answer("budget", "list"))
    assert (found["spent"], found["currency"]) == (None, "EUR")
    assert found["why"] == "2 of 2 runs cost another currency than EUR"
    assert found["state"] == "unknown"
    assert say("budget", "check", "euro")[0] == 1


@pytest.mark.parametrize(
    ("plan", "code"),
    [("p5.48xlarge×4 for 12h in us-east-1", 0), ("p5.48xlarge x 5 for 12h in us-east-1", 1)],
)
def test_the_gate_exits_1_when_a_plan_would_not_fit(home, say, text, plan, code):
    text("budget", "set", "nlp", "--limit", "3000", "--scope", "team=nlp", "--period", "month")
    found, out, err = say(
        "budget", "check", "--plan", plan, "--label", "team=nlp", "--format", "json"
    )
    one = only(json.loads(out))
    assert (found, err, one["fits"]) == (code, "", code == 0)
    assert float(one["left"]) == pytest.approx(3000 - float(one["plan"]))


def test_a_plan_that_no_budget_covers_fits(home, say, text):
    text("budget", "set", "nlp", "--limit", "1", "--scope", "team=nlp")
    code, out, _ = say(
        "budget", "check", "--plan", "p5.48xlarge for 1h in us-east-1", "--label", "team=cv"
    )
    assert code == 0
    assert "no budget covers it" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["set", "A B", "--limit", "1"], "budget name 'A B' is not"),
        (["set", "b", "--limit", "a lot"], "is not an amount such as 5000 or 5000EUR"),
        (["set", "b", "--limit", "0"], "leaves nothing to spend"),
        (["set", "b", "--limit", "1", "--scope", "team"], "is no selection"),
        (["set", "b", "--limit", "1", "--at", "80"], "is not like 80%"),
        (["set", "b", "--limit", "1", "--at", "90%:cancel"], "--cancel-command"),
        (["show", "b"], "there is no budget 'b'; those there are: none yet"),
        (["delete", "b"], "there is no budget 'b'"),
        (["check", "--plan", "much"], "is not like p5.48xlarge×4 for 12h"),
        (["check", "--plan", "p5.48xlarge for 1h in nowhere-1"], "no price"),
        (["check", "--label", "a=b"], "give --plan as well"),
    ],
)
def test_wrong_words_get_one_sentence_and_exit_2(home, say, words, sentence):
    code, out, err = say("budget", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
    assert not (home / "budgets.json").exists()


def test_the_trail_keeps_what_every_budget_was(home, text):
    text("budget", "set", "b", "--limit", "1")
    text("budget", "set", "b", "--limit", "2")
    text("budget", "delete", "b")
    trail = read_audit(home)
    assert [one["action"] for one in trail] == ["budget set", "budget set", "budget deleted"]
    assert [one.get("before", {}).get("limit") for one in trail] == [
        None,
        "1.000000000",
        "2.000000000",
    ]


def test_a_budget_reads_as_agreed(two, text, golden):
    text(
        "budget",
        "set",
        "nlp",
        "--limit",
        "0.2",
        "--scope",
        "team=nlp",
        "--at",
        "50%",
        "--at",
        "100%:stop",
    )
    golden("budget", text("budget", "show", "nlp"))


@pytest.mark.parametrize("damaged", ['{"form": 1, "budgets": [{"id": "b"}]}', "null", "[]"])
def test_a_damaged_file_stops_with_one_sentence(home, say, text, damaged):
    text("budget", "set", "b", "--limit", "1")
    (home / "budgets.json").write_text(damaged)
    code, _, err = say("budget", "list")
    assert code == 2
    assert "budgets.json is damaged" in err


@pytest.mark.parametrize("word", ["limit", "scope", "starts_at"])
def test_a_budget_with_a_senseless_word_is_named_with_its_file(home, say, text, word):
    text("budget", "set", "nlp", "--limit", "1")
    path = home / "budgets.json"
    document = json.loads(path.read_text())
    document["budgets"][0][word] = "=x="
    path.write_text(json.dumps(document))
    code, out, err = say("budget", "list")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{path}, budget nlp: " in err
    assert "'=x='" in err

"""The statement path: what each team has of a month, from bill to statement, in every format."""

import csv
import io
from decimal import Decimal

import pytest

from flows.bills import hour, said, trainfare, write_bill

CLAIMS = """run,resource,start,end,share,label.team,label.model
a,i-1,2026-10-01T08:00:00Z,2026-10-01T08:30:00Z,1,nlp,bert
b,i-1,2026-10-01T08:30:00Z,2026-10-01T09:00:00Z,0.5,=vision,vit
"""

RULES = """
[[rule]]
name = "company tax"
match = 'ChargeCategory = "Tax"'
shared = "even"

[[rule]]
name = "labs"
match = 'ResourceId = "i-9"'
label = "team=nlp"
"""

POLICY = '[distribute]\nidle = ["owner", "proportional"]\nunallocated = "even"\nnothing = "even"\n'


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with two teams, a pool, a gift, idle time that a tag names, and nobody's charge."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    home = tmp_path / "home"
    home.mkdir()
    (home / "rules.toml").write_text(RULES)
    bill = write_bill(
        tmp_path / "b.csv",
        hour("i-1", 8, "8.00"),
        hour("i-1", 9, "3.00", tags='{"team":"nlp"}'),
        hour("i-2", 8, "1.000000001"),
        hour("i-9", 8, "2"),
        hour("", 8, "0.5", category="Tax"),
        hour("i-1", 8, "5.00", currency="EUR"),
    )
    (tmp_path / "c.csv").write_text(CLAIMS)
    trainfare(home, "bill", "import", bill)
    trainfare(home, "claims", "import", tmp_path / "c.csv")
    trainfare(home, "allocate")
    return home


def totals(answer, currency="USD"):
    (book,) = [one for one in answer["books"] if one["currency"] == currency]
    teams = {one["team"]: Decimal(one["total"]) for one in book["statements"]}
    kept = sum(Decimal(one["amount"]) for one in book["kept"])
    assert sum(teams.values()) + kept == Decimal(book["bill"])
    return teams, kept


def test_statements_sum_to_the_bill_in_both_kinds_and_every_view(home):
    (home / "statement.toml").write_text(POLICY)
    for view in ("billed", "effective", "list", "contracted"):
        for kind in ("showback", "chargeback"):
            answer = trainfare(home, "statement", "2026-10", "--kind", kind, "--view", view)
            assert (answer["kind"], answer["period"]) == (kind, "2026-10")
            totals(answer)
            totals(answer, "EUR")
            assert [one["source"] for one in answer["deliveries"]] == ["aws-acct-1"]


def test_a_showback_shows_and_a_chargeback_distributes_by_the_users_word(home):
    teams, kept = totals(trainfare(home, "statement"))
    assert teams == {"nlp": Decimal("6.25"), "=vision": Decimal("2.25")}
    assert kept == Decimal("6.000000001")
    (home / "statement.toml").write_text(POLICY)
    answer = trainfare(home, "statement", "--kind", "chargeback")
    teams, kept = totals(answer)
    # Nlp is named for 3 of the 5 idle; 2 go by 6.25 : 2.25; nobody's charge in halves, the odd nano
    # to the first by name.
    assert teams == {"nlp": Decimal("11.220588235"), "=vision": Decimal("3.279411766")}
    assert kept == 0
    nlp = answer["books"][0]["statements"][0]
    assert {(one["how"], one["whole"]) for one in nlp["distributed"]} == {
        ("owner", "3.000000000"),
        ("proportional", "2.000000000"),
        ("even", "1.000000001"),
    }
    assert "statement.toml names nothing, of which this bill has nothing." in answer["notes"]


def test_one_teams_statement_lists_its_runs_pools_and_gifts(home):
    answer = trainfare(home, "statement", "--team", "nlp")
    (book,) = [one for one in answer["books"] if one["currency"] == "USD"]
    (nlp,) = book["statements"]
    assert nlp["runs"][0]["components"]["compute"] == "4.000000000"
    assert nlp["runs"][0]["shared_pools"] == {"company tax": "0.250000000"}
    assert nlp["given_by_rules"] == {"labs": "2.000000000"}
    assert nlp["tagged"]["idle"] == "3.000000000"
    text = said(home, "statement", "--team", "nlp")
    assert "company tax" in text
    assert "bert" in text
    assert "no statement of 'x' in 2026-10; teams: =vision, nlp" in said(
        home, "statement", "--team", "x", code=2
    )


def test_csv_lines_sum_to_the_bill_and_no_cell_is_a_formula(home):
    text = said(home, "statement", "--kind", "chargeback", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    sums = {"USD": Decimal(0), "EUR": Decimal(0)}
    for row in rows:
        sums[row["currency"]] += Decimal(row["amount"])
    assert sums == {"USD": Decimal("14.500000001"), "EUR": Decimal(5)}
    assert {row["team"] for row in rows} == {"nlp", "'=vision", "(kept)"}


def test_a_restated_month_says_which_delivery_replaced_which(home, tmp_path):
    again = write_bill(tmp_path / "2.csv", hour("i-1", 8, "7.50"))
    trainfare(home, "bill", "import", again)
    stale = trainfare(home, "statement")
    assert totals(stale)[0]["nlp"] == Decimal("6.25")
    assert any("A newer delivery of 2026-10 is here" in note for note in stale["notes"])
    trainfare(home, "allocate")
    answer = trainfare(home, "statement")
    assert totals(answer)[0]["nlp"] == Decimal("3.75")
    (note,) = answer["notes"]
    assert note.startswith("Restated: aws-acct-1 sent ")
    assert "-$7.00 billed" in note


def test_rules_that_changed_since_are_said(home):
    (home / "rules.toml").write_text(RULES.replace("even", "proportional"))
    assert any("rules changed since" in note for note in trainfare(home, "statement")["notes"])


def test_the_month_is_the_last_in_which_anything_was_used(home, tmp_path):
    taken_back = [
        hour("i-1", 0, "-2.00", month="11", category="Credit"),
        hour("", 0, "0.10", month="11", category="Tax"),
    ]
    trainfare(home, "bill", "import", write_bill(tmp_path / "november.csv", *taken_back))
    trainfare(home, "allocate")
    assert trainfare(home, "statement")["period"] == "2026-10"
    november = trainfare(home, "statement", "2026-11")
    assert [one["bill"] for one in november["books"]] == ["-1.900000000"]
    used = write_bill(tmp_path / "more.csv", *taken_back, hour("i-1", 1, "0.01", month="11"))
    trainfare(home, "bill", "import", used)
    trainfare(home, "allocate")
    assert trainfare(home, "statement")["period"] == "2026-11"


def test_where_nothing_was_used_at_all_it_is_the_last_month(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    home = tmp_path / "home"
    home.mkdir()
    for month in ("10", "11"):
        tax = hour("", 0, "1.00", month=month, category="Tax")
        trainfare(home, "bill", "import", write_bill(tmp_path / f"{month}.csv", tax))
    trainfare(home, "allocate")
    assert trainfare(home, "statement")["period"] == "2026-11"


def test_a_month_that_is_not_allocated_is_refused(home, tmp_path):
    assert "nothing of 2026-09 is allocated" in said(home, "statement", "2026-09", code=2)
    (home / "statement.toml").write_text("[distribute]\nidle = 1\n")
    wrong = said(home, "statement", "--kind", "chargeback", code=2)
    assert "statement.toml, idle: 1 is not one of" in wrong

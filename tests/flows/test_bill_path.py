"""The bill path whole: import, claims, allocate, verify, report; restated, repeated, killed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.bills import hour, said, trainfare, write_bill, write_claims
from trainfare import track
from trainfare.billing.components import load_components
from trainfare.billing.mapping import load_mapping
from trainfare.flows.usage import read_attachments
from trainfare.store.allocations import current_allocations
from trainfare.store.claims import read_claims, read_labels
from trainfare.store.ledger import open_ledger

pytest.importorskip("duckdb")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A fresh home; commands set TRAINFARE_HOME, which is put back afterwards."""
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path / "home"


def allocated(home, by="run"):
    """Key → allocated, and the remainders."""
    report = trainfare(home, "report", "--by", by)
    return {row[by]: row["allocated"] for row in report["rows"]}, report["remainders"]


def assert_conserved(home):
    answer = trainfare(home, "verify")
    assert answer["conserved"] is True
    for one in answer["periods"]:
        assert one["difference"] == "0"
    return answer["periods"]


def test_an_hour_is_split_by_time_and_share_and_the_rest_is_idle(home, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("i-2", 8, "1.000000001"))
    claims = write_claims(
        tmp_path / "c.csv", ("a", "i-1", 8, 8.5, "1"), ("b", "i-1", 8.5, 9, "0.5")
    )
    imported = trainfare(home, "bill", "import", bill)["deliveries"][0]
    assert imported["totals"]["USD"]["billed"] == "9.000000001"
    assert (imported["period"], imported["rows"]) == ("2026-10", 2)
    trainfare(home, "claims", "import", claims)
    trainfare(home, "allocate")
    runs, left = allocated(home)
    assert runs == {"a": "4.000000000", "b": "2.000000000"}
    assert (left["idle"], left["unallocated"]) == ("2.000000000", "1.000000001")
    views = assert_conserved(home)
    assert {v["view"] for v in views} == {"billed", "effective", "list", "contracted"}


def test_a_report_groups_by_labels_and_always_sums_to_the_bill(home, tmp_path):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    trainfare(
        home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 8.25, "1"))
    )
    trainfare(home, "allocate")
    for by in ("model,team", "component", "method", "day", "region", "project"):
        report = trainfare(home, "report", "--by", by)
        rows = sum(float(row["allocated"]) for row in report["rows"])
        rest = sum(float(v) for v in report["remainders"].values())
        assert rows + rest == float(report["total"]) == 8.0
    assert allocated(home, "method")[0] == {"resource_overlap": "2.000000000"}


def test_the_same_bill_twice_changes_nothing(home, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    first = trainfare(home, "bill", "import", bill)["deliveries"][0]
    trainfare(home, "allocate")
    again = trainfare(home, "bill", "import", bill)["deliveries"][0]
    assert (again["id"], again["unchanged"]) == (first["id"], True)
    assert trainfare(home, "allocate")["periods"][0]["unchanged"] is True
    assert len(trainfare(home, "bill", "list")["deliveries"]) == 1


def test_an_import_finds_out_what_the_bill_is_made_of_and_the_allocation_starts_there(
    home, tmp_path
):
    bill = write_bill(tmp_path / "bill.csv", hour("i-1", 0, "8.00"))
    trainfare(home, "bill", "import", bill)
    [survey] = (home / "surveys" / "2026-10").iterdir()
    (survey / "mark").touch()
    trainfare(home, "allocate")
    trainfare(home, "verify")
    assert list((home / "surveys" / "2026-10").iterdir()) == [survey]
    assert (survey / "mark").exists()


def test_an_import_stands_although_the_rules_are_broken(home, tmp_path):
    home.mkdir(exist_ok=True)
    (home / "rules.toml").write_text("[[rule")
    bill = write_bill(tmp_path / "bill.csv", hour("i-1", 0, "8.00"))
    assert len(trainfare(home, "bill", "import", bill)["deliveries"]) == 1
    assert "rules.toml" in trainfare(home, "allocate", code=2)


def test_a_restated_bill_replaces_and_says_what_changed_per_run(home, tmp_path):
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 9, "1")))
    trainfare(home, "bill", "import", write_bill(tmp_path / "1.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    between = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 0.999))
    time.sleep(1.1)
    second = write_bill(tmp_path / "2.csv", hour("i-1", 8, "7.50"))
    replaced = trainfare(home, "bill", "import", second)["deliveries"][0]
    assert replaced["replaces"] is not None
    (period,) = trainfare(home, "allocate")["periods"]
    assert [(c["run"], c["before"], c["after"]) for c in period["changes"]] == [
        ("a", "8.000000000", "7.500000000")
    ]
    assert allocated(home)[0] == {"a": "7.500000000"}
    before = trainfare(home, "report", "--by", "run", "--as-of", between)
    assert before["total"] == "8.000000000"
    assert_conserved(home)


def test_a_changed_claim_allocates_its_days_anew_and_nothing_else(home, tmp_path):
    hours = [hour(f"i-{each}", 8, "8.00", day=day) for each in (1, 2) for day in range(1, 6)]
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", *hours))
    first = [("a", "i-1", 8, 8.5, "1"), ("b", "i-2", 8, 9, "0.5")]
    trainfare(home, "claims", "import", write_claims(tmp_path / "1.csv", *first))
    assert trainfare(home, "allocate")["periods"][0]["resource_days"] is None
    for end, cost, left in ((8.75, "6.000000000", "70"), (9, "8.000000000", "68")):
        trainfare(
            home, "claims", "import", write_claims(tmp_path / "2.csv", ("a", "i-1", 8, end, "1"))
        )
        (period,) = trainfare(home, "allocate")["periods"]
        assert (period["resource_days"], period["whole_because"]) == (
            {"touched": 1, "all": 10},
            None,
        )
        assert [(c["run"], c["after"]) for c in period["changes"]] == [("a", cost)]
        runs, remainders = allocated(home)
        assert runs == {"a": cost, "b": "4.000000000"}
        assert remainders["idle"] == f"{left}.000000000"
        assert_conserved(home)
    (home / "rules.toml").write_text("# none\n")
    (period,) = trainfare(home, "allocate")["periods"]
    assert period["resource_days"] is not None, "rules that say the same are the same rules"
    (home / "bases" / "2026-10" / Path(period_folder(home)).name / "outs.parquet").unlink()
    trainfare(home, "claims", "import", write_claims(tmp_path / "3.csv", ("c", "i-2", 9, 10, "1")))
    (period,) = trainfare(home, "allocate")["periods"]
    assert period["resource_days"] is None
    assert "changed or damaged" in period["whole_because"]
    assert allocated(home)[0] == {"a": "8.000000000", "b": "4.000000000"}
    assert_conserved(home)


def test_a_new_delivery_allocates_the_days_that_it_changed_and_nothing_else(home, tmp_path):
    hours = [hour(f"i-{each}", 8, "8.00", day=day) for each in (1, 2) for day in range(1, 6)]
    trainfare(home, "bill", "import", write_bill(tmp_path / "1.csv", *hours))
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 9, "1")))
    trainfare(home, "allocate")
    restated = [hour("i-1", 8, "6.00", day=1), *hours[1:], hour("i-2", 8, "1.00", day=6)]
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", *restated))
    (period,) = trainfare(home, "allocate")["periods"]
    assert (period["resource_days"], period["whole_because"]) == ({"touched": 2, "all": 11}, None)
    assert [(c["run"], c["after"]) for c in period["changes"]] == [("a", "6.000000000")]
    assert allocated(home)[0] == {"a": "6.000000000"}
    assert_conserved(home)


def period_folder(home):
    """The result that is current."""
    with open_ledger(home) as ledger, ledger.look() as connection:
        return current_allocations(connection)[0].folder


def test_two_currencies_are_kept_apart(home, tmp_path):
    bill = write_bill(
        tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("i-1", 9, "5.00", currency="EUR")
    )
    trainfare(home, "bill", "import", bill)
    trainfare(home, "allocate")
    assert {v["currency"] for v in assert_conserved(home)} == {"USD", "EUR"}
    report = trainfare(home, "report", "--by", "run")
    assert (report["currency"], report["total"]) == ("USD", "8.000000000")
    assert report["other_currencies"][0]["total"] == "5.000000000"


def test_metered_runs_of_this_home_are_claims_too(home, tmp_path):
    with track(run_id="mine", model="m", price="3.6"):
        time.sleep(0.01)
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    with open_ledger(home) as ledger, ledger.look() as connection:
        assert [c.run for c in read_claims(connection)] == ["mine"]
        assert read_labels(connection) == {"mine": {"model": "m"}}


def test_a_bad_file_among_good_ones_stores_nothing(home, tmp_path):
    good = write_bill(tmp_path / "good.csv", hour("i-1", 8, "8.00"))
    bad = write_bill(tmp_path / "bad.csv", hour("i-1", 8, "eight"), hour("i-1", 9, "1,5"))
    said = trainfare(home, "bill", "import", good, bad, code=2)
    assert "bad.csv row 1, column BilledCost: 'eight'" in said
    assert "Traceback" not in said
    assert trainfare(home, "bill", "list")["deliveries"] == []


def test_parts_of_one_bill_given_as_two_files_are_refused_with_the_remedy(home, tmp_path):
    one = write_bill(tmp_path / "1.csv", hour("i-1", 8, "8.00"))
    two = write_bill(tmp_path / "2.csv", hour("i-1", 9, "8.00"))
    said = trainfare(home, "bill", "import", one, two, code=2)
    assert "are both bills of" in said
    assert "one folder" in said


def test_a_bill_never_replaces_the_bill_of_another_account(home, tmp_path):
    mine = write_bill(tmp_path / "mine.csv", hour("i-1", 8, "8.00"))
    other = tmp_path / "other.csv"
    other.write_text(mine.read_text().replace("acct-1", "acct-2"))
    trainfare(home, "bill", "import", mine, "--source", "cloud")
    said = trainfare(home, "bill", "import", other, "--source", "cloud", code=2)
    assert "would replace the bill of AWS/acct-1" in said
    trainfare(home, "bill", "import", other, "--source", "other")
    assert len(trainfare(home, "bill", "list")["deliveries"]) == 2


def test_what_was_never_allocated_stands_as_unallocated_and_is_conserved(home, tmp_path):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    one = assert_conserved(home)[0]
    assert (one["bill"], one["unallocated"]) == ("8.000000000", "8.000000000")
    assert "nothing is allocated yet" in trainfare(home, "report", code=2)


def test_a_result_that_was_tampered_with_is_not_conserved(home, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    (path,) = (home / "allocations").rglob("*.parquet")
    table = pq.read_table(path)
    index = table.column_names.index("effective_nano")
    less = pa.array(
        [v - 1 for v in table.column(index).to_pylist()], table.schema.field(index).type
    )
    pq.write_table(table.set_column(index, "effective_nano", less), path)
    answer = trainfare(home, "verify", code=1)
    assert answer["conserved"] is False
    effective = next(v for v in answer["periods"] if v["view"] == "effective")
    assert effective["difference"] == "0.000000001"
    # Another bill does not hide it: the result is held against the one it was made from.
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", hour("i-1", 8, "7.50")))
    answer = trainfare(home, "verify", code=1)
    assert [v["difference"] for v in answer["periods"] if v["difference"] != "0"] == ["0.000000001"]


def test_wrong_words_are_one_sentence(home):
    for words, sentence in [
        (("allocate", "2026-13"), "is not a billing period"),
        (("allocate",), "import one: trainfare bill import"),
        (("verify", "2026-10"), "no bill of 2026-10"),
        (("verify", "--period", "2026-08"), "no bill of 2026-08"),
        (("allocate", "--period", "2026-08"), "no bill of 2026-08"),
        (("verify", "2026-08", "--period", "2026-09"), "the month is said twice"),
        (("allocate", "2026-08", "--period", "2026-09"), "the month is said twice"),
        (("bill", "import", "nothere.csv"), "nothere.csv"),
        (("report", "--period", "2026-08"), "no bill of 2026-08 is here"),
        (("report", "--by", ""), "names no key"),
        (("bill", "show", "abc"), "bill list"),
    ]:
        answer = trainfare(home, *words, code=2)
        assert sentence in answer
        assert "Traceback" not in answer


@pytest.mark.parametrize("delay", [0.4, 0.8, 1.2])
def test_killed_at_any_moment_an_import_leaves_the_previous_state_whole(home, tmp_path, delay):
    trainfare(home, "bill", "import", write_bill(tmp_path / "1.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    many = [hour("i-1", n % 24, "0.01", day=1 + n % 28) for n in range(20_000)]
    second = write_bill(tmp_path / "2.csv", *many)
    command = [
        sys.executable,
        "-m",
        "trainfare",
        "--home",
        str(home),
        "bill",
        "import",
        str(second),
    ]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    deliveries = trainfare(home, "bill", "list")["deliveries"]
    current = [d for d in deliveries if d["current"]]
    assert [d["totals"]["USD"]["billed"] for d in current] in (["8.000000000"], ["200.000000000"])
    if len(deliveries) == 1:
        assert_conserved(home)
    trainfare(home, "bill", "import", second)
    trainfare(home, "allocate")
    assert assert_conserved(home)[0]["bill"] == "200.000000000"
    assert not any((home / "lake" / ".incoming").iterdir())


def test_every_number_is_explained_down_to_its_row(home, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-2", 7, "1.00"), hour("i-1", 8, "8.00"))
    trainfare(home, "bill", "import", bill)
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 8.5, "1")))
    (part,) = trainfare(home, "explain", "a")["parts"]
    assert part["amounts"]["effective"] == "4.000000000"
    assert part["charge"].endswith("/b.csv:2")
    (charge,) = trainfare(home, "explain", "--charge", part["charge"])["charges"]
    assert [(p["owner"], p["remainder"]) for p in charge["parts"]] == [("a", None), (None, "idle")]
    assert charge["paid_seconds"] == 3600
    assert charge["claims"][0]["run"] == "a"
    assert "is not delivery/file:row" in trainfare(home, "explain", "--charge", "x", code=2)
    assert "has no part of any bill" in trainfare(home, "explain", "nobody", code=2)


def test_a_period_restated_since_it_was_allocated_is_marked_everywhere(home, tmp_path):
    first = write_bill(tmp_path / "1.csv", hour("i-1", 8, "8.00"))
    trainfare(home, "bill", "import", first)
    trainfare(home, "allocate")
    assert trainfare(home, "report")["stale"] == []
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", hour("i-1", 8, "7.50")))
    assert trainfare(home, "report")["stale"] == ["2026-10"]
    assert "Restated since allocated: 2026-10" in said(home, "report")
    answer = trainfare(home, "verify")
    assert answer["stale"] == ["2026-10"]
    assert answer["periods"][0]["bill"] == "7.500000000"
    assert answer["periods"][0]["unallocated"] == "7.500000000"
    assert "2026-10 was restated since it was allocated; what changed" in said(home, "verify")
    trainfare(home, "bill", "import", first)
    assert trainfare(home, "allocate")["periods"][0]["unchanged"] is True
    assert trainfare(home, "verify")["stale"] == trainfare(home, "report")["stale"] == []


def test_a_run_that_only_tags_name_has_the_labels_of_its_tags(home, tmp_path):
    tags = '{"run_id":"a","user:Team":"nlp","model":"bert","os":"linux"}'
    other = '{"run_id":"b","team":"vision"}'
    rows = hour("i-1", 8, "8.00", tags=tags), hour("i-2", 8, "2.00", tags=other)
    trainfare(home, "bill", "import", write_bill(tmp_path / "1.csv", *rows), "--source", "s")
    trainfare(home, "allocate")
    assert allocated(home, "team")[0] == {"nlp": "8.000000000", "vision": "2.000000000"}
    assert allocated(home, "model")[0] == {"bert": "8.000000000", "(no label)": "2.000000000"}
    # A corrected bill corrects them; what a system that ran the job says goes before.
    rows = hour("i-1", 8, "8.00", tags=tags.replace("nlp", "speech")), rows[1]
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", *rows), "--source", "s")
    claims = tmp_path / "c.csv"
    claims.write_text(
        "run,resource,start,end,share,label.team\n"
        "b,i-2,2026-10-01T08:00:00Z,2026-10-01T08:30:00Z,1,robots\n"
    )
    trainfare(home, "claims", "import", claims)
    trainfare(home, "allocate")
    assert allocated(home, "team")[0] == {"speech": "8.000000000", "robots": "2.000000000"}


def test_a_delivery_shows_what_was_repaired_on_how_many_rows(home, tmp_path):
    rows = hour("i-1", 8, "1.00", tags='"team": "nlp"'), hour("i-1", 9, "1.00")
    bill = write_bill(tmp_path / "b.csv", *rows)
    source = "a-rather-long-name-for-a-source-of-bills"
    (first,) = trainfare(home, "bill", "import", bill, "--source", source)["deliveries"]
    (shown,) = trainfare(home, "bill", "show", first["id"])["deliveries"]
    assert (shown["repairs"], shown["repair_notes"]) == (1, {"Tags:braces-added": 1})
    assert re.search(r"\n  Tags +braces added +1\n", said(home, "bill", "show", first["id"]))
    assert source in said(home, "bill", "list")
    told = said(home, "bill", "import", bill, "--source", source).splitlines()
    id_ = first["id"][:12]
    assert f"  1 row repaired: trainfare bill show {id_} says what and how" in told
    assert "1 row repaired" in said(home, "bill", "check", bill)
    (again,) = trainfare(home, "bill", "import", bill, "--source", source)["deliveries"]
    assert again["unchanged"] is True
    assert again["imported_at"] == first["imported_at"]


def test_what_cannot_go_on_says_what_would(home, tmp_path):
    scrape = tmp_path / "gpu.prom"
    line = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",pod="train-0",namespace="ml"} 97\n'
    scrape.write_text(line)
    complaint = trainfare(home, "claims", "import", scrape, code=2)
    assert "write a line such as '# at 2026-10-01T12:00:00Z' above every scrape" in complaint
    scrape.write_text("# at 2026-10-01T12:00:00Z\n" + line)
    assert "collect two or more" in trainfare(home, "claims", "import", scrape, code=2)
    scrape.write_text(scrape.read_text() + "# at 2026-10-01T12:00:30Z\n" + line)
    assert trainfare(home, "claims", "import", scrape)["claims"] == 1
    complaint = trainfare(home, "rules", "check", code=2)
    assert f"there are no rules yet; write them to {home / 'rules.toml'}" in complaint


def test_a_report_of_two_currencies_is_one_csv_table(home, tmp_path):
    rows = hour("i-1", 8, "8.00"), hour("i-2", 8, "5.00", currency="EUR")
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", *rows))
    trainfare(home, "allocate")
    head, *lines = said(home, "report", "--by", "team", "--format", "csv").splitlines()
    assert head == "team,runs,estimated,allocated,share,currency,view"
    assert head not in lines
    assert "(unallocated),,,8.000000000,1,USD,effective" in lines
    assert "(unallocated),,,5.000000000,1,EUR,effective" in lines


def test_a_restatement_counts_although_the_clock_went_back(home, tmp_path, monkeypatch):
    trainfare(home, "bill", "import", write_bill(tmp_path / "1.csv", hour("i-1", 8, "8.00")))
    trainfare(home, "allocate")
    monkeypatch.setattr("time.time_ns", lambda: 1_600_000_000 * 10**9)
    trainfare(home, "bill", "import", write_bill(tmp_path / "2.csv", hour("i-1", 8, "7.50")))
    assert trainfare(home, "verify")["stale"] == ["2026-10"]
    trainfare(home, "allocate")
    answer = trainfare(home, "verify")
    assert answer["stale"] == []
    assert answer["periods"][0]["bill"] == "7.500000000"


@pytest.mark.parametrize("name", ["attachments.csv", "components.csv"])
def test_a_file_of_the_home_that_is_no_text_is_told(home, tmp_path, name):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    trainfare(home, "bill", "import", bill)
    (home / name).write_bytes(b"\xff\xfe,\x00")
    command = ["allocate"] if name == "attachments.csv" else ["bill", "import", bill]
    assert name in trainfare(home, *command, code=2)


def with_rules(home, *tables):
    home.mkdir(exist_ok=True)
    (home / "rules.toml").write_text("\n".join(f"[[rule]]\n{one}" for one in tables))


def test_money_that_a_rule_gives_to_a_team_stands_in_its_row(home, tmp_path):
    bill = write_bill(
        tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("p", 8, "3.00"), hour("n", 9, "1.00")
    )
    trainfare(home, "bill", "import", bill)
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 9, "1")))
    with_rules(
        home,
        'name = "platform"\nmatch = \'ResourceId = "p"\'\nlabel = "team=platform"',
        'name = "more"\nmatch = \'ResourceId = "n"\'\nlabel = "team=nlp"',
    )
    trainfare(home, "allocate")
    report = trainfare(home, "report", "--by", "team")
    assert [(row["team"], row["runs"], row["allocated"]) for row in report["rows"]] == [
        ("nlp", 1, "9.000000000"),
        ("platform", 0, "3.000000000"),
    ]
    assert report["rows"][1]["estimated"] is None
    assert (report["remainders"]["shared"], report["total"]) == ("0.000000000", "12.000000000")
    assert "Runs own 66.7 % of the bill" in said(home, "report", "--by", "team")
    for by in ("model,team", "team,component", "run,team", "day,team", "model", "run"):
        told = trainfare(home, "report", "--by", by)
        rows = [float(row["allocated"]) for row in told["rows"]]
        assert sum(rows) + sum(map(float, told["remainders"].values())) == 12.0
        assert float(told["remainders"]["shared"]) == (0.0 if "team" in by else 4.0)
    assert assert_conserved(home)[0]["shared"] == "4.000000000"


def test_an_explained_run_sums_to_what_the_report_says_pools_included(home, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour("data", 8, "3.00"))
    trainfare(home, "bill", "import", bill)
    claims = [("a", "i-1", 8, 8.5, "1"), ("b", "i-1", 8.5, 9, "1")]
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", *claims))
    with_rules(home, 'name = "data"\nmatch = \'ResourceId = "data"\'\nshared = "proportional"')
    trainfare(home, "allocate")
    told = trainfare(home, "explain", "a")
    (pooled,) = told["pooled"]
    assert (pooled["rule"], pooled["amounts"]["effective"]) == ("data", "1.500000000")
    assert told["total"]["USD"] == allocated(home)[0]["a"] == "5.500000000"
    assert "Of what rules divide over runs" in said(home, "explain", "a")


def test_an_explained_charge_says_what_claims_held_after_sharing(home, tmp_path):
    trainfare(home, "bill", "import", write_bill(tmp_path / "b.csv", hour("i-1", 8, "9.00")))
    claims = [("a", "i-1", 8, 9, "1"), ("b", "i-1", 8, 8.5, "1")]
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", *claims))
    charge = trainfare(home, "explain", "b")["parts"][0]["charge"]
    (told,) = trainfare(home, "explain", "--charge", charge)["charges"]
    for part in told["parts"]:
        paid = told["held_seconds"][part["owner"]] / told["paid_seconds"] * 9
        assert paid == pytest.approx(float(part["amounts"]["effective"]), abs=1e-6)
    assert sum(told["held_seconds"].values()) == pytest.approx(3600)
    assert "weight" in (words := said(home, "explain", "--charge", charge))
    assert "held" in words


def test_claims_are_listed_by_run_and_time(home, tmp_path):
    assert trainfare(home, "claims", "list") == {"claims": [], "has_more": False}
    claims = [("b", "i-1", 8, 9, "0.5"), ("a", "i-2", 9, 10, "1")]
    path = write_claims(tmp_path / "c.csv", *claims)
    assert "2 claims of 2 runs: 2 added" in said(home, "claims", "import", path)
    listed = trainfare(home, "claims", "list")["claims"]
    assert [(c["run"], c["resource"], c["share"]) for c in listed] == [
        ("a", "i-2", "1"),
        ("b", "i-1", "0.5"),
    ]
    assert listed[0]["start"].startswith("2026-10-01T09:00:00")
    assert trainfare(home, "claims", "list", "--limit", "1")["has_more"] is True
    assert trainfare(home, "claims", "list", "--run", "b")["claims"] == listed[1:]
    assert "claims nothing" in trainfare(home, "claims", "list", "--run", "x", code=2)
    assert "i-2" in said(home, "claims", "list")


def test_jobs_on_unknown_nodes_name_the_options_that_tell(home, tmp_path):
    jobs = tmp_path / "jobs.txt"
    head = (
        "JobIDRaw|JobName|User|Account|Cluster|Partition|State|Submit|Start|End|NodeList|AllocTRES"
    )
    times = "2026-10-01T08:00:00|2026-10-01T08:00:00|2026-10-01T09:00:00"
    jobs.write_text(f"{head}\n7|train|u|a|c|gpu|COMPLETED|{times}|n1|cpu=4,gres/gpu=1,node=1\n")
    said_ = trainfare(home, "claims", "import", jobs, "--from", "sacct", code=2)
    assert "(--nodes FILE, or --gpus-per-node and --cpus-per-node)" in said_


def test_the_files_on_the_reference_page_are_read_as_they_stand(home, tmp_path):
    page = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
    text = page.read_text(encoding="utf-8")
    rules, mapping = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    attachments, components = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    home.mkdir()
    for name, content in [
        ("rules.toml", rules),
        ("attachments.csv", attachments),
        ("components.csv", components),
        ("cloud.toml", mapping),
    ]:
        (home / name).write_text(content, encoding="utf-8")
    assert trainfare(home, "rules", "check") == {"problems": []}
    assert len(read_attachments(home)) == 2
    load_components(home / "components.csv")
    load_mapping(home / "cloud.toml")


def test_a_checked_bill_says_what_was_read_and_one_is_no_plural(home, tmp_path):
    good = write_bill(tmp_path / "good.csv", hour("i-1", 8, "8.00"))
    (bill,) = trainfare(home, "bill", "check", good)["bills"]
    assert (bill["rows"], bill["format"]) == (1, "focus-1.3")
    assert "good.csv: 1 row, focus-1.3" in said(home, "bill", "check", good)
    bad = write_bill(tmp_path / "bad.csv", hour("i-1", 8, "8.00"), hour("i-1", 9, "eight"))
    problem = trainfare(home, "bill", "check", bad, code=1)["problems"][0]
    assert (problem["row"], problem["column"]) == (2, "BilledCost")
    with_rules(home, 'name = "x"')
    assert "\n1 problem.\n" in said(home, "rules", "check", code=1)


def test_a_moment_before_any_allocation_is_told(home, tmp_path):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"))
    trainfare(home, "bill", "import", bill)
    trainfare(home, "allocate")
    words = trainfare(home, "report", "--as-of", "2020-01-01T00:00:00Z", code=2)
    assert "nothing was allocated by then; name a later moment, or leave --as-of out" in words


def test_a_key_that_no_run_has_is_named_with_those_there_are(home, tmp_path):
    long_name = "arn:aws:ec2:us-east-1:123456789012:volume/of-a-long-name/snap-47935976"
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "8.00"), hour(long_name, 8, "1.00"))
    trainfare(home, "bill", "import", bill)
    trainfare(home, "claims", "import", write_claims(tmp_path / "c.csv", ("a", "i-1", 8, 9, "1")))
    trainfare(home, "allocate")
    words = said(home, "report", "--by", "taem,run", code=2)
    assert "no run has a label taem; labels of runs: model, team; other keys: run, status" in words
    words = said(home, "report", "--by", "project,run")
    assert "No run has a label project; labels of runs: model, team." in words
    assert "snap-47935976" in words
    assert trainfare(home, "report", "--by", "project")["unknown_keys"] == ["project"]
    assert trainfare(home, "report", "--by", "team,day")["unknown_keys"] == []

"""A bill is one stream of charges with exact totals, whatever it came from."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.bills import CHARGE, charges, read, sample, samples, write
from trainfare.billing.bill import ADAPTERS, check, read_bill
from trainfare.core.errors import BadInput, NotFound

JUNK = [
    ("empty.csv", b""),
    ("binary.csv", bytes(range(256)) * 40),
    ("short.csv", b"hello"),
    ("junk.parquet", b"PAR1" + bytes(range(256)) + b"PAR1"),
    ("cut.csv.gz", b"\x1f\x8b\x08\x00\x00\x00"),
    ("junk.zip", b"PK\x03\x04junk"),
    ("junk.json", b"{]"),
    ("list.json", b"[[1]]"),
    ("words.csv", b"when,who\n1,2\n"),
    ("quotes.csv", b'"""\n"'),
]


@pytest.mark.parametrize(("name", "content"), JUNK, ids=[name for name, _ in JUNK])
def test_junk_is_one_problem_and_never_a_traceback(tmp_path, name, content):
    path = write(tmp_path, content, name)
    problems = check(path)
    assert problems
    assert all(name in str(problem) for problem in problems)
    with pytest.raises(BadInput):
        read(path)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([".csv", ".parquet", ".csv.gz", ".json", ".zip", ""])
)
def test_any_bytes_are_explained(tmp_path_factory, content, ending):
    path = write(tmp_path_factory.mktemp("junk"), content, f"bill{ending}")
    assert check(path)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_damage_to_a_good_bill_is_explained_or_harmless(tmp_path_factory, data):
    """Bytes changed anywhere: either the bill is read to its end or the error is ours."""
    content = bytearray(charges(*[{"BilledCost": str(n)} for n in range(5)]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("damaged"), bytes(content))
    problems = check(path)
    assert all("bill.csv" in str(problem) for problem in problems)


def test_a_folder_of_two_formats_is_not_one_bill(tmp_path):
    write(tmp_path, charges({}), "a.csv")
    write(tmp_path, b"billing_account_id,usage_start_time,usage_end_time,cost,currency\n", "b.csv")
    with pytest.raises(BadInput, match=r"not one bill: a\.csv: focus-1\.0; b\.csv: gcp-detailed"):
        read(tmp_path)


def test_versions_of_focus_can_stand_together(tmp_path):
    write(tmp_path, charges({}), "a.csv")
    write(tmp_path, charges({"InvoiceId": "7"}), "b.csv")
    bill, rows = read(tmp_path)
    assert bill.format == "focus-1.0+focus-1.2"
    assert [row["InvoiceId"] for row in rows] == [None, "7"]


def test_nothing_there_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        check(tmp_path / "none.csv")


def test_a_good_bill_has_no_problems(tmp_path):
    assert check(write(tmp_path, charges({}))) == []


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ([{}], "aws-123456789012"),
        ([{"ProviderName": "Microsoft", "BillingAccountId": "/providers/x/billingAccounts/861"}],
         "microsoft-861"),
        ([{}, {"BillingAccountId": "2"}], "aws"),
        ([{}, {"ProviderName": "Oracle"}], "mixed"),
        ([{"ProviderName": ""}], "focus-1-0-123456789012"),
    ],
)  # fmt: skip
def test_the_source_is_made_of_provider_and_account(tmp_path, changes, source):
    assert read(write(tmp_path, charges(*changes)))[0].source == source


def test_a_given_source_wins(tmp_path):
    assert read(write(tmp_path, charges({})), source="mine")[0].source == "mine"


def test_the_delivery_is_known_before_and_is_of_contents(tmp_path):
    one = read(write(tmp_path, charges({}), "a.csv"))[0].delivery
    assert read(write(tmp_path, charges({}), "b.csv"))[0].delivery == one
    assert read(write(tmp_path, charges({}, {}), "c.csv"))[0].delivery != one


def test_another_component_table_makes_another_delivery(tmp_path):
    path = write(tmp_path, charges({}))
    table = write(tmp_path, "component,service\ndata,Elastic\n", "mine.csv")
    plain, extended = read(path), read(path, components=table)
    assert plain[0].delivery != extended[0].delivery
    assert (plain[1][0]["x_Component"], extended[1][0]["x_Component"]) == ("compute", "data")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = write(tmp_path, charges({}))
    with read_bill(path) as bill, pytest.raises(BadInput, match="changed while it was read"):
        for _ in bill.batches():
            os.utime(path, ns=(1, 1))


def test_how_much_was_read_ends_at_all(tmp_path):
    for name in ("a.csv", "b.csv"):
        write(tmp_path, charges({}, {}), name)
    with read_bill(tmp_path) as bill:
        assert bill.share == 0
        shares = [bill.share for _ in bill.batches()]
        assert shares == sorted(shares)
        assert bill.share == 1.0


def test_counts_and_periods_are_of_all_batches(tmp_path):
    november = {
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    }
    bill, rows = read(write(tmp_path, charges({}, november, {"RegionId": "NULL"})))
    assert (bill.rows, bill.repairs) == (len(rows), 1)
    assert bill.periods == {"2026-10", "2026-11"}
    assert bill.accounts == {("AWS", CHARGE["BillingAccountId"])}


@pytest.mark.parametrize("path", samples("**/*.csv*"), ids=lambda path: path.name[:40])
def test_every_sample_bill_is_read_or_its_problems_are_told(path):
    """No sample may end in a traceback, whatever it is."""
    sample(str(path.relative_to(path.parents[len(path.parts) - path.parts.index("bills") - 2])))
    problems = check(path)
    if problems:
        assert all(path.name in str(problem) for problem in problems)
        return
    bill, rows = read(path)
    assert bill.rows == len(rows)
    assert all(row["x_Component"] for row in rows)


def test_every_adapter_is_a_function_with_a_docstring():
    assert all(read.__doc__ for read in ADAPTERS.values())

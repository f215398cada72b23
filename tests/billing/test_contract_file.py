"""FOCUS ContractCommitment files: as the specification has them, and every wrong value in its place."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing.bills import DATA
from trainfare.billing.contract_file import NEEDED, read_contract_file
from trainfare.core.period import parse_instant
from trainfare.core.tally import BadRecords

ROW = {
    "ContractCommitmentId": "sp-1",
    "ContractCommitmentType": "Savings Plan",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentDescription": "three years, no upfront",
    "ContractCommitmentPeriodStart": "2026-01-01T00:00:00Z",
    "ContractCommitmentPeriodEnd": "2027-01-01T00:00:00Z",
    "ContractCommitmentCost": "17520.00",
    "ContractCommitmentQuantity": "",
    "ContractCommitmentUnit": "",
    "BillingCurrency": "EUR",
    "ContractId": "c-1",
    "ContractPeriodStart": "2025-01-01T00:00:00Z",
    "ContractPeriodEnd": "2028-01-01T00:00:00Z",
}


def write(folder, *rows, name="contracts.csv"):
    path = folder / name
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path):
    return read_contract_file(path, 5, "ada")


def quoted(**changes):
    """A row of a CSV file; its description has a comma, so it is quoted."""
    row = {**ROW, **changes}
    return {**row, "ContractCommitmentDescription": f'"{row["ContractCommitmentDescription"]}"'}


def test_a_row_of_version_1_3(tmp_path):
    [one] = read(write(tmp_path, quoted()))
    assert (one.id, one.kind, one.name) == ("sp-1", "Savings Plan", "three years, no upfront")
    assert one.per_hour.text() == "2.000000000"
    assert one.currency == "EUR"
    assert one.end_ns == parse_instant("2027-01-01T00:00:00Z")
    assert (one.source, one.state, one.provider) == ("contracts.csv", "active", "")


def test_a_row_of_version_1_4_says_who_sells_and_whether_it_holds(tmp_path):
    more = {"ServiceProviderName": "AWS", "ContractCommitmentLifecycleStatus": "Canceled"}
    [one] = read(write(tmp_path, quoted(**more)))
    assert (one.provider, one.state) == ("aws", "canceled")


def test_a_cost_that_is_null_is_not_known(tmp_path):
    [one] = read(write(tmp_path, quoted(ContractCommitmentCost="", ContractCommitmentQuantity="4")))
    assert one.per_hour is None


def test_parquet_and_json_say_the_same(tmp_path):
    [known] = read(write(tmp_path, quoted()))
    typed = {
        **ROW,
        **{name: pa.scalar(None, pa.string()).as_py() for name in ("ContractCommitmentUnit",)},
    }
    table = pa.Table.from_pylist([typed])
    for name in ("ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd"):
        place = table.schema.get_field_index(name)
        times = pa.array([parse_instant(ROW[name])]).cast(pa.timestamp("ns", "UTC"))
        table = table.set_column(place, name, times.cast(pa.timestamp("us", "UTC")))
    pq.write_table(table, tmp_path / "contracts.parquet")
    (tmp_path / "contracts.json").write_text(json.dumps([ROW]))
    for name in ("contracts.parquet", "contracts.json"):
        [one] = read(tmp_path / name)
        assert (one.id, one.per_hour, one.start_ns, one.end_ns) == (
            known.id, known.per_hour, known.start_ns, known.end_ns,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ContractCommitmentId": ""}, "row 1, column ContractCommitmentId"),
        ({"ContractCommitmentPeriodEnd": "soon"}, "column ContractCommitmentPeriodEnd"),
        ({"ContractCommitmentPeriodEnd": "2026-01-01T00:00:00Z"}, "is not after the start"),
        ({"ContractCommitmentCost": "much"}, "column ContractCommitmentCost"),
        ({"ContractCommitmentLifecycleStatus": "Sold"}, "is none of proposed"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path, wrong, said):
    with pytest.raises(BadRecords, match="nothing was imported") as refused:
        read(write(tmp_path, quoted(**wrong)))
    assert said in str(refused.value)


def test_a_file_of_something_else_and_a_commitment_twice_are_refused(tmp_path):
    with pytest.raises(BadRecords, match="has no column ContractCommitmentId"):
        read(write(tmp_path, {"a": "1"}))
    with pytest.raises(BadRecords, match="is there twice"):
        read(write(tmp_path, quoted(), quoted()))


def test_the_columns_are_those_of_the_specification():
    path = DATA / "focus_columns.json"
    if not path.exists():
        pytest.skip("the columns of FOCUS are not here; tests of them need shared/data")
    rows = json.loads(path.read_text())["columns"]
    for version in ("1.3", "1.4"):
        known = {
            one["column"]
            for one in rows
            if one["dataset"] == "ContractCommitment" and one["version"] == version
        }
        assert set(NEEDED) <= known
    status = next(one for one in rows if one["column"] == "ContractCommitmentLifecycleStatus")
    from trainfare.core.contract import STATES

    assert {word.lower() for word in status["allowed_values"]} | {"withdrawn"} == set(STATES)

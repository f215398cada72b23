"""Building the shipped tables: all facts are read, what is left out is counted, bytes repeat."""

import csv
import shutil
from pathlib import Path

import pytest

from prices.servers import need_data
from trainfare.core.errors import BadInput
from trainfare.prices import shelf
from trainfare.prices.catalogue_build import build, main, write


def test_the_committed_tables_are_what_the_facts_give(tmp_path):
    result = build(need_data())
    assert result.read == {
        "catalog": 5_678,
        "storage": 177,
        "network": 57,
        "gpu_specs": 34,
        "commitments": 75,
        "spot_advisor_gpu": 792,
    }
    size = write(result, tmp_path)
    committed = Path(shelf.__file__).with_name("data")
    for table in shelf.TABLES:
        name = f"{table}.csv.gz"
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes(), table
    assert size <= 150_000


def test_every_row_of_the_catalogue_is_shipped_or_counted_as_left_out():
    result = build(need_data())
    left_out = sum(
        count
        for why, count in result.left_out.items()
        if not why.startswith(("storage", "network", "discount"))
    )
    same_chip = 5_678 - left_out - len(result.tables["prices"])
    # Slices of 1 and 8 chips whose price per chip agrees exactly are one price.
    assert 0 < same_chip < 20
    assert result.left_out["region not stated"] == 59


def copied(folder: Path, **changes) -> Path:
    for file in need_data().glob("*.csv"):
        shutil.copy(file, folder / file.name)
        (folder / file.name).chmod(0o644)
    for name, change in changes.items():
        path = folder / f"{name}.csv"
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return folder


@pytest.mark.parametrize(
    ("amount", "why"), [("0", "not above 0"), ("-1", "not above 0"), ("700.0", "a placeholder")]
)
def test_impossible_amounts_are_left_out(tmp_path, amount, why):
    def change(rows):
        rows[0]["usd_per_hour"] = amount

    result = build(copied(tmp_path, catalog=change))
    assert result.left_out[why] == 1


def test_spot_no_lower_than_on_demand_is_left_out(tmp_path):
    def change(rows):
        next(row for row in rows if row["purchase_option"] == "spot")["usd_per_hour"] = "10000"

    result = build(copied(tmp_path, catalog=change))
    assert result.left_out["spot no lower than on demand"] == 1


def test_figures_that_contradict_one_another_stop_the_build(tmp_path):
    def change(rows):
        rows[0]["discount_vs_on_demand"] = "0.5"

    with pytest.raises(BadInput, match=r"commitments\.csv"):
        build(copied(tmp_path, commitments=change))


def test_a_source_nobody_has_judged_stops_the_build(tmp_path):
    def change(rows):
        rows[0]["source"] = "somewhere"

    with pytest.raises(BadInput, match="source_notes"):
        build(copied(tmp_path, catalog=change))


def test_a_missing_file_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"catalog\.csv"):
        build(tmp_path)
    with pytest.raises(BadInput, match="one folder"):
        main([])

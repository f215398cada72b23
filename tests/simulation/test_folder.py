"""A world as files: all of it, and the same bytes for the same seed."""

import hashlib
import subprocess
import sys

import pytest

from simulation.worlds import column_sum, rows_in, world_of
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.simulation.fault import ALL_FAULTS
from trainfare.simulation.folder import FORMS, write_world
from trainfare.simulation.world import make_world


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("bills", FORMS)
def test_the_same_seed_gives_the_same_bytes(bills, tmp_path):
    for name in ("one", "two"):
        world = make_world(3, runs=20, days=2, faults=ALL_FAULTS)
        places = write_world(world, tmp_path / name, bills=bills)
        assert len(places) == len(world.deliveries)
        assert all(place.exists() for place in places)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_every_format_of_the_final_bills_lies_beside_the_own_ones(tmp_path):
    world = make_world(3, runs=10, days=1, faults=ALL_FAULTS)
    write_world(world, tmp_path, bills="every")
    found = {path.name: len(list(path.iterdir())) for path in (tmp_path / "formats").iterdir()}
    for version in ("1.0", "1.2", "1.4"):
        assert found.pop(f"focus-{version}") == len(world.final)
    assert found.keys() == {
        *("aws-cur-legacy-csv", "aws-cur-2.0-csv", "aws-cur-2.0-parquet"),
        *("azure-exports", "azure-focus", "google-detailed", "own-columns"),
    }


def test_a_duplicated_delivery_is_the_same_files_again(tmp_path):
    world = make_world(3, runs=20, days=2, faults=ALL_FAULTS)
    write_world(world, tmp_path)
    found = {}
    for number, delivery in enumerate(world.deliveries, start=1):
        folder = tmp_path / "bills" / f"{number:02d}-{delivery.name}"
        found.setdefault(delivery.name, []).append(digests(folder))
    twice = [copies for copies in found.values() if len(copies) == 2]
    assert len(twice) == 4
    assert all(first == second for first, second in twice)


def test_the_truth_lies_beside_the_bills(tmp_path):
    world = world_of(7, ALL_FAULTS)
    write_world(world, tmp_path)
    rows = rows_in(tmp_path / "truth.csv")
    for view in (View.EFFECTIVE, View.BILLED):
        part = [row for row in rows if row["view"] == view]
        assert column_sum(part, "amount") == sum(d.total(view) for d in world.final)
    faults = rows_in(tmp_path / "faults.csv")
    assert len(faults) == len(world.faults) > 10
    attached = rows_in(tmp_path / "attachments.csv")
    assert {row["resource"]: row["parent"] for row in attached} == world.attachments


def test_an_unknown_form_is_refused(tmp_path):
    with pytest.raises(BadInput, match="'excel' is not one of native, focus"):
        write_world(world_of(), tmp_path, bills="excel")


def test_a_world_needs_nothing_but_the_core_install():
    """pyarrow is loaded when Parquet is asked for, and not before."""
    code = (
        "import sys, trainfare.simulation.folder\n"
        "heavy = {'pyarrow', 'duckdb', 'sqlalchemy', 'pandas', 'numpy', 'click', 'psutil'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

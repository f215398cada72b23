"""The lake holds whole deliveries only, by source, period and content."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billing.bills import CHARGE, charges, read, sample, write, write_parquet
from trainfare.billing import lake as lake_room
from trainfare.billing.bill import read_bill
from trainfare.billing.canonical import SCHEMA
from trainfare.billing.lake import write_lake
from trainfare.core.errors import BadInput, OutsideFailed


def deliver(place, lake, **options):
    with read_bill(place, **options) as bill:
        return write_lake(bill, lake)


def stored(lake, delivery):
    return pq.read_table(lake / delivery.folder)


def left(lake):
    """Every file under the lake, as it stands."""
    return sorted(path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file())


def test_a_delivery_lies_by_source_period_and_id(tmp_path):
    lake = tmp_path / "lake"
    [delivery] = deliver(write(tmp_path, charges({})), lake)
    assert delivery.folder == f"aws-123456789012/2026-10/{delivery.id}"
    assert left(lake) == [f"{delivery.folder}/part-00000.parquet"]
    assert (delivery.rows, delivery.repairs, delivery.format) == (1, 0, "focus-1.0")
    assert delivery.accounts == (("AWS", "123456789012"),)
    assert delivery.totals == {
        "USD": {
            "billed": 1_500_000_000,
            "effective": 1_250_000_000,
            "list": 2_000_000_000,
            "contracted": 1_500_000_000,
        }
    }


def test_what_is_stored_is_what_was_read(tmp_path):
    path = sample("focus/focus_1.0_sample_1000.csv")
    lake = tmp_path / "lake"
    deliveries = deliver(path, lake)
    assert [(each.period, each.rows) for each in deliveries] == [("2024-09", 999), ("2024-10", 1)]
    rows = read(path)[1]
    back = [row for each in deliveries for row in stored(lake, each).to_pylist()]
    assert sorted(back, key=lambda row: row["x_SourceRow"]) == rows
    assert stored(lake, deliveries[0]).schema.names == SCHEMA.names
    for name in SCHEMA.names:
        kind = stored(lake, deliveries[0]).schema.field(name).type
        assert kind in (pa.string(), pa.int64(), pa.timestamp("us", tz="UTC"))


def test_rows_stay_in_file_order_within_row_groups(tmp_path):
    count = 300_000
    columns = {name: [value] * count for name, value in CHARGE.items()}
    columns["BilledCost"] = list(range(count))
    columns["Tags"] = [f'{{"n":"{n // 1000}","pad":"{"x" * 100}"}}' for n in range(count)]
    path = write_parquet(tmp_path, columns, row_group_size=40_000)
    [delivery] = deliver(path, tmp_path / "lake")
    parts = list((tmp_path / "lake" / delivery.folder).iterdir())
    file = pq.ParquetFile(parts[0])
    assert len(parts) == 1
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [122_880, 122_880, 54_240]
    assert file.read(["x_SourceRow"])["x_SourceRow"].to_pylist() == list(range(1, count + 1))
    tags = next(
        column
        for column in (file.metadata.row_group(0).column(n) for n in range(len(SCHEMA)))
        if column.path_in_schema == "Tags"
    )
    assert tags.total_uncompressed_size < 500_000  # each text once, not 122,880 times 110 bytes
    assert tags.compression == "ZSTD"


def test_a_big_delivery_goes_on_in_the_next_part(tmp_path, monkeypatch):
    monkeypatch.setattr(lake_room, "GROUP_ROWS", 10)
    monkeypatch.setattr(lake_room, "PART_ROWS", 20)
    monkeypatch.setattr("trainfare.billing.chunks.ROWS", 10)
    columns = {name: [value] * 50 for name, value in CHARGE.items()}
    [delivery] = deliver(write_parquet(tmp_path, columns), tmp_path / "lake")
    parts = sorted((tmp_path / "lake" / delivery.folder).iterdir())
    assert [(part.name, pq.ParquetFile(part).metadata.num_rows) for part in parts] == [
        ("part-00000.parquet", 20),
        ("part-00001.parquet", 20),
        ("part-00002.parquet", 10),
    ]
    assert [row["x_SourceRow"] for row in stored(tmp_path / "lake", delivery).to_pylist()] == list(
        range(1, 51)
    )


def test_mixed_periods_and_currencies_are_kept_apart(tmp_path):
    november = {
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
    }
    path = write(
        tmp_path,
        charges({}, november, {"BillingCurrency": "EUR", "ListCost": ""}, {"BilledCost": "-4"}),
    )
    october, later = deliver(path, tmp_path / "lake")
    assert (october.period, later.period) == ("2026-10", "2026-11")
    assert october.id == later.id
    assert october.totals["USD"]["billed"] == -2_500_000_000
    assert october.totals["EUR"] == {
        "billed": 1_500_000_000,
        "effective": 1_250_000_000,
        "contracted": 1_500_000_000,
    }
    assert [row["x_SourceRow"] for row in stored(tmp_path / "lake", october).to_pylist()] == [
        1,
        3,
        4,
    ]


def test_the_same_bill_twice_changes_nothing(tmp_path):
    lake, path = tmp_path / "lake", write(tmp_path, charges({}, {}))
    first = deliver(path, lake)
    before = {name: (lake / name).stat().st_mtime_ns for name in left(lake)}
    again = write(tmp_path, path.read_bytes(), "copy-under-another-name.csv")
    second = deliver(again, lake)
    assert [each.id for each in first] == [each.id for each in second]
    assert before == {name: (lake / name).stat().st_mtime_ns for name in left(lake)}


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone", "noise"])
def test_a_bill_imported_again_mends_what_was_damaged(tmp_path, damage):
    lake, path = tmp_path / "lake", write(tmp_path, charges({}, {}))
    [delivery] = deliver(path, lake)
    part = lake / delivery.folder / "part-00000.parquet"
    body = part.read_bytes()
    if damage == "gone":
        part.unlink()
    else:
        wrong = {
            "cut": body[:100],
            "flipped": bytes([*body[:9], body[9] ^ 255, *body[10:]]),
            "noise": bytes(len(body)),
        }
        part.write_bytes(wrong[damage])
    again = write(tmp_path, path.read_bytes(), "copy-under-another-name.csv")
    assert deliver(again, lake)[0].id == delivery.id
    assert stored(lake, delivery).num_rows == 2
    assert left(lake) == [f"{delivery.folder}/part-00000.parquet"]


def test_another_content_is_another_delivery_beside_the_first(tmp_path):
    lake = tmp_path / "lake"
    [first] = deliver(write(tmp_path, charges({})), lake)
    [second] = deliver(write(tmp_path, charges({"BilledCost": "2"})), lake)
    assert first.id != second.id
    assert len(left(lake)) == 2


def test_a_bill_with_problems_leaves_the_lake_as_it_was(tmp_path):
    lake = tmp_path / "lake"
    deliver(write(tmp_path, charges({})), lake)
    before = left(lake)
    bad = charges(*[{}] * 200, {"BilledCost": "x"})
    with pytest.raises(BadInput, match="row 201"):
        deliver(write(tmp_path, bad), lake)
    assert left(lake) == before


@pytest.mark.parametrize("wrong", ["soon", ""])
def test_a_bill_without_any_readable_period_is_refused_with_its_rows(tmp_path, wrong):
    lake = tmp_path / "lake"
    rows = charges({"BillingPeriodStart": wrong}, {"BillingPeriodStart": wrong})
    with pytest.raises(BadInput, match=r"row 1, column BillingPeriodStart.*\n.*row 2"):
        deliver(write(tmp_path, rows), lake)
    assert left(lake) == []


def test_a_failing_disk_is_the_outsides_fault(tmp_path):
    (tmp_path / "lake").write_text("a file where the lake should be")
    with pytest.raises(OutsideFailed, match="cannot write the lake"):
        deliver(write(tmp_path, charges({})), tmp_path / "lake")


@pytest.mark.parametrize("source", ["../up", "a/b", "", ".hidden", "x" * 65, "a b"])
def test_a_source_cannot_lead_out_of_the_lake(tmp_path, source):
    with pytest.raises(BadInput, match="is not up to 64 letters"):
        deliver(write(tmp_path, charges({})), tmp_path / "lake", source=source)


def test_a_given_source_names_the_folder(tmp_path):
    [delivery] = deliver(write(tmp_path, charges({})), tmp_path / "lake", source="Payer.1")
    assert delivery.folder.startswith("Payer.1/2026-10/")


ENDLESS = """
import sys, time
from pathlib import Path
from trainfare.billing import bill, lake
with bill.read_bill(sys.argv[1]) as opened:
    batches = opened.batches
    def slowly():
        for batch in batches():
            yield batch
            print("reading", flush=True)
            time.sleep(60)
    object.__setattr__(opened, "files", opened.files)
    class Slow:
        def __getattr__(self, name):
            return slowly if name == "batches" else getattr(opened, name)
    lake.write_lake(Slow(), Path(sys.argv[2]))
"""


def test_a_killed_import_leaves_nothing_but_a_folder_that_the_next_one_sweeps(tmp_path):
    """kill -9 in the middle: the lake's deliveries are whole, and the rest is swept later."""
    lake, path = tmp_path / "lake", write(tmp_path, charges({}, {}))
    running = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, path, lake], stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout.readline() == "reading\n"
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
    assert [name for name in left(lake) if not name.startswith(".incoming/")] == []
    deliver(path, lake)
    assert [name for name in left(lake) if name.startswith(".incoming/")] == []
    assert len(left(lake)) == 1


def test_a_faster_import_of_the_same_bill_is_not_disturbed(tmp_path, monkeypatch):
    lake, path = tmp_path / "lake", write(tmp_path, charges({}))
    rename = Path.rename

    def late(self, target):
        monkeypatch.undo()
        rename(self, target)
        self.mkdir()
        return rename(self / "..gone", target)

    monkeypatch.setattr(Path, "rename", late)
    [delivery] = deliver(path, lake)
    assert left(lake) == [f"{delivery.folder}/part-00000.parquet"]


def test_an_import_beside_ours_is_not_swept(tmp_path):
    lake = tmp_path / "lake"
    with lake_room.incoming(lake) as mine:
        (mine / "part").write_text("being written")
        deliver(write(tmp_path, charges({})), lake)
        assert (mine / "part").exists()
    assert left(lake / ".incoming") == []


def test_rows_of_one_month_that_begin_on_another_day_share_its_folder(tmp_path):
    """Azure's pay-as-you-go periods need not begin on the first."""
    path = write(
        tmp_path,
        charges({}, {"BillingPeriodStart": "2026-10-15T00:00:00Z"}),
    )
    [delivery] = deliver(path, tmp_path / "lake")
    starts = {row["BillingPeriodStart"] for row in stored(tmp_path / "lake", delivery).to_pylist()}
    assert starts == {datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)}


def test_a_bill_without_any_period_that_can_be_read_says_so(tmp_path):
    lake = tmp_path / "lake"
    place = write(tmp_path, charges({"BillingPeriodStart": "32/13/2026"}))
    with pytest.raises(
        BadInput, match="row 1, column BillingPeriodStart: '32/13/2026' is not a time"
    ):
        deliver(place, lake)
    assert left(lake) == []

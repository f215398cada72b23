"""Bills are pulled when they change, period by period, and cost nothing while they do not."""

import json
import os

import pytest

pytest.importorskip("duckdb")

from flows.bills import hour, write_bill
from trainfare.billing import pull
from trainfare.billing.pull import list_parts, open_part
from trainfare.core.errors import BadInput
from trainfare.core.period import parse_instant
from trainfare.flows.bill import list_deliveries
from trainfare.flows.bill_pull import pull_bills, pulled_file
from trainfare.flows.job_plan import BillPlace

AT_NS = parse_instant("2026-11-03T00:00:00Z")


def csv(tmp_path, *charges):
    return write_bill(tmp_path / "one.csv", *charges).read_bytes()


def october(tmp_path, amount="1"):
    return csv(tmp_path, hour("i-1", 8, amount))


def november(tmp_path, amount="2"):
    return csv(tmp_path, hour("i-1", 8, amount, month="11"))


def put_export(put, period, body, number=1):
    """One delivery of AWS Data Exports: a file of rows and the manifest that names it."""
    key = f"cur/focus/data/BILLING_PERIOD={period}/focus-{number}.csv"
    put(key, body)
    manifest = {"dataFiles": [f"s3://bills/{key}"], "executionId": f"2026-11-0{number}"}
    put(
        f"cur/focus/metadata/BILLING_PERIOD={period}/focus-Manifest.json",
        json.dumps(manifest).encode(),
    )


def periods(pulled):
    return [one.delivery.period for one in pulled.imported]


def current(home):
    return {one.period: one.totals["USD"]["billed"] for one, now in list_deliveries(home) if now}


PLACE = (BillPlace("s3://bills/cur/focus/", "aws"),)


def test_only_the_period_that_changed_is_fetched(bucket, tmp_path, monkeypatch):
    home = tmp_path / "home"
    put_export(bucket, "2026-10", october(tmp_path))
    put_export(bucket, "2026-11", november(tmp_path))
    first = pull_bills(home, PLACE)
    assert (periods(first), first.unchanged, first.failures) == (["2026-10", "2026-11"], 0, ())
    fetched = []
    get = pull._Bucket.fetch_listed
    monkeypatch.setattr(
        pull._Bucket, "fetch_listed", lambda *all: (fetched.append(all[2]), get(*all))
    )
    again = pull_bills(home, PLACE)
    assert (periods(again), again.unchanged, fetched) == ([], 2, [])
    put_export(bucket, "2026-11", november(tmp_path, "3"), number=2)
    later = pull_bills(home, PLACE)
    assert (periods(later), later.unchanged, later.is_change) == (["2026-11"], 1, True)
    assert fetched == ["s3://bills/cur/focus/data/BILLING_PERIOD=2026-11/focus-2.csv"]
    assert current(home) == {"2026-10": 10**9, "2026-11": 3 * 10**9}


def test_a_lost_memory_reads_everything_once_more_and_changes_nothing(bucket, tmp_path):
    home = tmp_path / "home"
    put_export(bucket, "2026-10", october(tmp_path))
    pull_bills(home, PLACE)
    pulled_file(home).unlink()
    again = pull_bills(home, PLACE)
    assert (periods(again), again.is_change) == (["2026-10"], False)
    assert len(list_deliveries(home)) == 1


def azure_manifest(kind, blob, day, submitted):
    return json.dumps(
        {
            "exportConfig": {"exportName": f"daily-{kind}", "type": kind},
            "runInfo": {"startDate": f"{day}T00:00:00", "submittedTime": submitted},
            "blobs": [{"blobName": blob}],
        }
    )


def test_exports_of_one_month_stand_together_and_the_newest_run_of_each_counts(tmp_path):
    """Azure's actual and amortised costs are two exports of one bill."""
    for kind in ("ActualCost", "AmortizedCost"):
        for run, body in (("run1", "old"), ("run2", "new")):
            folder = tmp_path / f"exports/{kind}/20261001-20261031/{run}"
            folder.mkdir(parents=True)
            (folder / "part_0.csv").write_text(body)
            (folder / "manifest.json").write_text(
                azure_manifest(
                    kind, f"exports/{kind}/20261001-20261031/{run}/part_0.csv", "2026-10-01", run
                )
            )
    [part] = list_parts(str(tmp_path))
    with open_part(str(tmp_path), part) as folder:
        found = sorted(
            os.path.relpath(f"{at}/{name}", folder)
            for at, _, names in os.walk(folder)
            for name in names
            if name.endswith(".csv")
        )
    assert found == [
        f"exports/{kind}/20261001-20261031/run2/part_0.csv"
        for kind in ("ActualCost", "AmortizedCost")
    ]


def test_a_place_without_manifests_is_read_when_any_of_it_changed(tmp_path):
    home, place = tmp_path / "home", tmp_path / "bills"
    place.mkdir()
    (place / "a.csv").write_bytes(october(tmp_path))
    places = (BillPlace(str(place)),)
    assert periods(pull_bills(home, places)) == ["2026-10"]
    assert pull_bills(home, places).unchanged == 1
    os.utime(place / "a.csv", ns=(1, 1))
    touched = pull_bills(home, places)
    assert (periods(touched), touched.is_change) == (["2026-10"], False)
    (place / "a.csv").write_bytes(october(tmp_path, "5"))
    assert pull_bills(home, places).is_change
    assert current(home) == {"2026-10": 5 * 10**9}


def test_another_source_for_a_place_reads_it_anew(tmp_path):
    home = tmp_path / "home"
    bill = tmp_path / "a.csv"
    bill.write_bytes(october(tmp_path))
    pull_bills(home, (BillPlace(str(bill), "one"),))
    assert pull_bills(home, (BillPlace(str(bill), "two"),)).is_change


def test_month_stands_for_this_one_and_the_one_before_which_may_be_missing(tmp_path):
    home = tmp_path / "home"
    for month, body in (("2026-11", november(tmp_path)), ("2026-09", b"not read")):
        (tmp_path / month).mkdir()
        (tmp_path / month / "bill.csv").write_bytes(body)
    pulled = pull_bills(home, (BillPlace(f"{tmp_path}/{{month}}"),), at_ns=AT_NS)
    assert (periods(pulled), pulled.failures) == (["2026-11"], ())


def test_a_place_that_fails_keeps_no_other_from_being_read(tmp_path):
    (tmp_path / "bad.csv").write_text("no,bill\n1,2\n")
    (tmp_path / "good.csv").write_bytes(october(tmp_path))
    places = [BillPlace(str(tmp_path / name)) for name in ("none", "bad.csv", "good.csv")]
    pulled = pull_bills(tmp_path / "home", places)
    assert periods(pulled) == ["2026-10"]
    assert [("check the path" in str(e), "bad.csv" in str(e)) for e in pulled.failures] == [
        (True, False),
        (False, True),
    ]
    again = pull_bills(tmp_path / "home", places)
    assert (len(again.failures), again.unchanged) == (2, 1), "what failed is tried again"


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/passwd"])
def test_a_manifest_that_leads_outside_is_refused(tmp_path, name):
    place = tmp_path / "place"
    place.mkdir()
    (place / "x-Manifest.json").write_text(json.dumps({"reportKeys": [name]}))
    with pytest.raises(BadInput, match="leads outside its folder"):
        list_parts(str(place))


def test_a_delivery_that_is_still_being_written_waits(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    (place / "x-Manifest.json").write_text(json.dumps({"reportKeys": ["data/x.csv"]}))
    [failure] = pull_bills(tmp_path / "home", (BillPlace(str(place)),)).failures
    assert "is the delivery still being written?" in str(failure)

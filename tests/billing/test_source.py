"""Bills are found as files, folders and manifests, and nothing leads outside."""

import json

import pytest

from billing.bills import charges, read, write
from trainfare.billing.source import content_digest, found, open_source, source_file
from trainfare.core.errors import BadInput, NotFound

CSV = charges({})


def names(place):
    return [file.name for file in found(place)]


@pytest.mark.parametrize(
    ("name", "form", "packing"),
    [
        ("a.csv", "csv", ""),
        ("a.CSV.GZ", "csv", "gzip"),
        ("a.csv.zip", "csv", "zip"),
        ("a.zip", "csv", "zip"),
        ("a.snappy.parquet", "parquet", ""),
        ("a.jsonl.gz", "json", "gzip"),
        ("a.json", "json", ""),
    ],
)
def test_the_ending_tells_the_form(tmp_path, name, form, packing):
    file = source_file(write(tmp_path, b"x", name), name)
    assert (file.form, file.packing) == (form, packing)


@pytest.mark.parametrize(
    ("content", "form", "packing"),
    [(b"PAR1xx", "parquet", ""), (b"\x1f\x8bxx", "csv", "gzip"), (b"a,b\n", "csv", "")],
)
def test_without_an_ending_the_first_bytes_tell_it(tmp_path, content, form, packing):
    file = source_file(write(tmp_path, content, "export"), "export")
    assert (file.form, file.packing) == (form, packing)


def test_nothing_there_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="there is no file or folder"):
        found(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["bill.csv", "export", "x-manifest.json"])
def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch, name):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(BadInput, match="may not be read by this user"):
        found(write(tmp_path, CSV, name))


def test_a_folder_is_every_bill_file_in_the_order_of_its_path(tmp_path):
    for name in ("b/2.csv", "a/1.parquet", "b/1.csv.gz", "notes.txt", ".hidden.csv", "_SUCCESS"):
        write(tmp_path, b"x", name)
    assert names(tmp_path) == ["a/1.parquet", "b/1.csv.gz", "b/2.csv"]


def test_a_folder_without_bills_says_what_it_looked_for(tmp_path):
    write(tmp_path, b"x", "notes.txt")
    with pytest.raises(BadInput, match=r"holds no bill file \(\.csv"):
        found(tmp_path)


def cur(folder, keys, period="20261001-20261101", name="cur-Manifest.json", **more):
    told = {
        "assemblyId": "0001",
        "reportName": "cur",
        "billingPeriod": {"start": period.split("-")[0], "end": period.split("-")[1]},
        "bucket": "bucket",
        "reportKeys": keys,
        **more,
    }
    return write(folder, json.dumps(told), name)


def test_a_report_manifest_names_its_files_in_order(tmp_path):
    for part in ("cur-1.csv", "cur-2.csv", "cur-3.csv"):
        write(tmp_path, CSV, f"0001/{part}")
    manifest = cur(tmp_path, ["p/cur/20261001-20261101/0001/cur-2.csv", "p/cur/x/0001/cur-1.csv"])
    assert names(tmp_path) == ["0001/cur-2.csv", "0001/cur-1.csv"]
    assert names(manifest) == ["0001/cur-2.csv", "0001/cur-1.csv"]


def test_an_older_assembly_of_the_same_report_is_not_read_twice(tmp_path):
    """With "create new report version", each assembly keeps a copy of its own manifest."""
    for assembly in ("0001", "0002"):
        write(tmp_path, CSV, f"{assembly}/cur-1.csv")
        cur(tmp_path / assembly, [f"p/{assembly}/cur-1.csv"])
    cur(tmp_path, ["p/0002/cur-1.csv"])
    assert names(tmp_path) == ["0002/cur-1.csv"]


def test_reports_of_several_months_are_all_read(tmp_path):
    for month in ("20261001-20261101", "20261101-20261201"):
        write(tmp_path / month, CSV, "cur-1.csv")
        cur(tmp_path / month, [f"p/cur/{month}/cur-1.csv"], month)
    assert names(tmp_path) == ["20261001-20261101/cur-1.csv", "20261101-20261201/cur-1.csv"]


def test_a_data_export_lies_beside_its_metadata(tmp_path):
    key = "data/BILLING_PERIOD=2026-10/export-00001.csv"
    write(tmp_path, CSV, key)
    manifest = write(
        tmp_path,
        json.dumps({"dataFiles": [f"s3://bucket/prefix/export/{key}"]}),
        "metadata/BILLING_PERIOD=2026-10/export-Manifest.json",
    )
    assert names(tmp_path) == [key]
    assert names(manifest) == [key]


def azure(folder, run, submitted, blobs, kind="FocusCost"):
    told = {
        "exportConfig": {"exportName": "focus", "type": kind},
        "runInfo": {"runId": run, "submittedTime": submitted, "startDate": "2026-10-01"},
        "blobs": [{"blobName": name, "dataRowCount": 1} for name in blobs],
    }
    return write(folder, json.dumps(told), f"{run}/manifest.json")


def test_the_newest_azure_run_of_a_period_counts(tmp_path):
    for run, at in (("r2", "2026-10-03T00:00:00Z"), ("r1", "2026-10-02T00:00:00Z")):
        write(tmp_path, CSV, f"{run}/part_0.csv")
        azure(tmp_path, run, at, [f"root/focus/20261001-20261031/{run}/part_0.csv"])
    files = found(tmp_path)
    assert [file.name for file in files] == ["r2/part_0.csv"]
    assert files[0].manifest == "FocusCost"


def test_actual_and_amortised_exports_of_one_period_stand_together(tmp_path):
    for run, kind in (("r1", "ActualCost"), ("r2", "AmortizedCost")):
        write(tmp_path, CSV, f"{run}/part_0.csv")
        azure(tmp_path, run, "2026-10-03T00:00:00Z", [f"{run}/part_0.csv"], kind)
    assert [file.manifest for file in found(tmp_path)] == ["ActualCost", "AmortizedCost"]


@pytest.mark.parametrize(
    "key",
    ["../secret.csv", "a/../../secret.csv", "/etc/passwd", "s3://bucket/../secret.csv",
     "..\\secret.csv", "a\0b.csv", "", "s3://bucket"],
)  # fmt: skip
def test_a_manifest_that_leads_outside_is_refused(tmp_path, key):
    write(tmp_path, CSV, "secret.csv")
    manifest = cur(tmp_path / "bill", [key])
    for place in (tmp_path / "bill", manifest):
        with pytest.raises(BadInput, match="leads outside its folder"):
            found(place)


def test_a_link_that_leads_outside_is_refused(tmp_path):
    write(tmp_path, CSV, "secret.csv")
    (tmp_path / "bill").mkdir()
    (tmp_path / "bill" / "cur-1.csv").symlink_to(tmp_path / "secret.csv")
    cur(tmp_path / "bill", ["p/cur-1.csv"])
    with pytest.raises(BadInput, match="is a link that leads outside"):
        found(tmp_path / "bill")


def test_a_file_that_a_manifest_names_and_is_not_there_is_told(tmp_path):
    cur(tmp_path, ["p/0001/cur-1.csv"])
    with pytest.raises(BadInput, match=r"names 'p/0001/cur-1\.csv', which is not under"):
        found(tmp_path)


def test_a_manifest_without_files_is_told(tmp_path):
    azure(tmp_path, "r1", "2026-10-03T00:00:00Z", [])
    with pytest.raises(BadInput, match="names no files"):
        found(tmp_path)


@pytest.mark.parametrize("text", ["[1]", "{not json", '{"other": true}', "[" * 100_000])
def test_json_that_is_no_manifest_is_left_alone(tmp_path, text):
    write(tmp_path, text, "x-manifest.json")
    write(tmp_path, CSV, "bill.csv")
    assert "bill.csv" in names(tmp_path)


def test_an_azure_manifest_without_its_settings_still_names_its_files(tmp_path):
    told = {"blobs": [{"blobName": "a/part.csv"}], "exportConfig": [], "runInfo": 3}
    write(tmp_path, json.dumps(told), "a/manifest.json")
    write(tmp_path, CSV, "a/part.csv")
    assert names(tmp_path) == ["a/part.csv"]


def test_a_whole_folder_with_a_manifest_is_read_as_one_bill(tmp_path):
    write(tmp_path, charges({"BilledCost": "1"}), "0001/cur-1.csv")
    write(tmp_path, charges({"BilledCost": "2"}, {"BilledCost": "3"}), "0001/cur-2.csv")
    cur(tmp_path, ["p/0001/cur-1.csv", "p/0001/cur-2.csv"])
    bill, rows = read(tmp_path)
    assert bill.totals["USD"]["billed"] == 6
    assert [(row["x_SourceFile"], row["x_SourceRow"]) for row in rows] == [
        ("0001/cur-1.csv", 1),
        ("0001/cur-2.csv", 1),
        ("0001/cur-2.csv", 2),
    ]


def test_the_digest_is_of_contents_and_words_only(tmp_path):
    def digest(order, *words):
        return content_digest([source_file(tmp_path / name, name) for name in order], *words)

    write(tmp_path, b"one", "a.csv")
    write(tmp_path, b"two", "b.csv")
    write(tmp_path, b"one", "c.csv")
    assert digest(["a.csv", "b.csv"]) == digest(["b.csv", "c.csv"])
    assert digest(["a.csv"]) != digest(["a.csv", "b.csv"]) != digest(["a.csv", "c.csv"])
    assert digest(["a.csv"]) != digest(["a.csv"], "generic")


def test_a_local_place_is_opened_where_it_lies(tmp_path):
    path = write(tmp_path, CSV)
    with open_source(path) as files:
        assert [file.path for file in files] == [path]

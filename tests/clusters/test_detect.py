"""Detection: every export is known by its content, and what is none is refused in one sentence."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.exports import (
    CLAIMS_HEADER,
    CLAIMS_ROW,
    OPENCOST_HEADER,
    SACCT_HEADER,
    allocation,
    azureml,
    opencost_row,
    sacct_job,
    sacct_row,
    sagemaker,
    scrape,
    util,
    vertex,
)
from clusters.readers import options, sample, write
from trainfare.clusters.detect import KINDS, Shape, find_shape, read_claims
from trainfare.core.errors import BadInput

MATRIX = {
    "metric": {"__name__": "DCGM_FI_DEV_GPU_UTIL", "UUID": "G", "hpc_job": "7"},
    "values": [[1, "1"]],
}

EXPORTS = {
    "sacct": [
        f"{SACCT_HEADER}\n{sacct_row()}\n",
        json.dumps({"jobs": [sacct_job(nodes="gpu01")]}),
        json.dumps({"meta": {"jobs": 1}, "jobs": [sacct_job(nodes="gpu01")]}, indent=1),
    ],
    "opencost": [
        json.dumps({"code": 200, "data": [{"a": allocation()}]}),
        OPENCOST_HEADER + opencost_row({"kubernetes_io_hostname": "n"}),
    ],
    "sagemaker": [json.dumps(sagemaker()), json.dumps([sagemaker()])],
    "vertex": [
        json.dumps(vertex()),
        json.dumps({"customJobs": [vertex()]}),
    ],
    "azureml": [
        json.dumps(azureml()),
        json.dumps({"value": [azureml()]}),
    ],
    "dcgm": [
        "# HELP x\n" + scrape(0, util("G", hpc_job="7")),
        '{__name__="DCGM_FI_DEV_GPU_UTIL",UUID="G",hpc_job="7"} 1 1790812800000\n',
        json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [MATRIX]}}),
    ],
    "csv": [CLAIMS_HEADER + CLAIMS_ROW],
}
CASES = [(kind, text) for kind, texts in EXPORTS.items() for text in texts]
JUNK = [
    b"",
    b"\x00",
    b"\xff\xfe",
    b"|",
    b'"',
    b"]}",
    b"null",
    b"-1",
    b"1e999",
    b",",
    b"\n",
    b"[1",
    b"Z",
    b"{}",
]


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_content_shows_the_kind_and_the_reader_takes_it(tmp_path, kind, text):
    path = write(tmp_path, text)
    assert find_shape(path).kind == kind
    settings = options(cluster="hpc", scrape_interval_ns=10**9)
    reading = read_claims(path, settings)
    assert (reading.kind, reading.count) == (kind, 1)
    assert list(read_claims(path, settings, kind=kind).records) == list(reading.records)


def test_every_kind_has_a_case():
    assert set(EXPORTS) == set(KINDS)


def test_a_packed_file_is_known_by_what_it_packs(tmp_path):
    path = tmp_path / "claims.csv.gz"
    path.write_bytes(gzip.compress(EXPORTS["csv"][0].encode()))
    assert read_claims(path, options()).count == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hello\n", "is none of sacct, opencost"),
        ('{"hello": 1}', "is none of sacct, opencost"),
        ("[]", "is none of sacct, opencost"),
        ("", "is empty"),
        ("{", "not JSON"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path, text, what):
    with pytest.raises(BadInput, match=what):
        read_claims(write(tmp_path, text), options())


def test_a_wrong_or_unknown_kind_is_refused(tmp_path):
    path = write(tmp_path, EXPORTS["csv"][0])
    with pytest.raises(BadInput, match="'pbs' is not one of sacct"):
        read_claims(path, options(), kind="pbs")
    with pytest.raises(BadInput, match="is text, which sagemaker exports are not"):
        read_claims(path, options(), kind="sagemaker")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("bills/slurm/xdmod_phillips_gpu.log", Shape(is_json=False, kind="sacct")),
        ("bills/slurm/xdmod_pozidriv_head200.log", Shape(is_json=False, kind="sacct")),
        ("bills/dcgm/readme_excerpt.prom", Shape(is_json=False, kind="dcgm")),
        ("bills/slurm/xdmod_sacct.json", Shape(is_json=True, kind=None)),
        ("bills/focus/focus_1.0_sample_1000.csv", Shape(is_json=False, kind=None)),
        (
            "bills/nise/ocp/September-2026-demo-cluster-ocp_pod_usage.csv",
            Shape(is_json=False, kind=None),
        ),
    ],
)
def test_real_samples_are_told_apart(name, shape):
    assert find_shape(sample(name)) == shape


def test_no_real_sample_of_a_bill_is_taken_for_claims_of_another_kind():
    files = [p for p in sample("bills").rglob("*") if p.is_file() and p.suffix != ".parquet"]
    for path in files:
        assert find_shape(path).kind in {None, "sacct", "dcgm"}, path


def read_or_refuse(path, kind):
    """Whether a file is read whole; a refusal must be a sentence, anything else is an error."""
    try:
        reading = read_claims(path, options(cluster="hpc"), kind=kind)
    except BadInput as error:
        return not str(error)
    return reading.count == sum(1 for _ in reading.records)


@given(
    st.sampled_from(CASES),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(JUNK)), min_size=1, max_size=4),
    st.booleans(),
)
@settings(max_examples=100)
def test_a_damaged_export_is_refused_or_read_never_a_traceback(
    tmp_path_factory, case, changes, is_cut
):
    _, text = case
    raw = text.encode()
    for place, junk in changes:
        at = int(place * len(raw))
        raw = raw[:at] + junk if is_cut else raw[:at] + junk + raw[at + len(junk) :]
    path = tmp_path_factory.mktemp("damaged") / "export"
    path.write_bytes(raw)
    for stated in (*KINDS, None):
        read_or_refuse(path, stated)


WRONG = [
    None,
    0,
    -1,
    True,
    1.5,
    "",
    "x",
    [],
    [1],
    ["x"],
    [None],
    {},
    {"a": 1},
    {"number": "x", "set": 1},
]


def changed(value, steps, wrong):
    """*value* with *wrong* at the place that *steps* lead to."""
    if not steps or not isinstance(value, (dict, list)) or not value:
        return wrong
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[steps[0] % len(keys)]
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = changed(value[key], steps[1:], wrong)
    return copy


@given(
    st.sampled_from(
        [(kind, text) for kind, text in CASES if text[0] in "[{" and "__name__=" not in text]
    ),
    st.lists(st.integers(0, 30), min_size=1, max_size=6),
    st.sampled_from(WRONG),
)
@settings(max_examples=150)
def test_json_of_another_shape_is_refused_or_read_never_a_traceback(
    tmp_path_factory, case, steps, wrong
):
    _, text = case
    path = tmp_path_factory.mktemp("shape") / "export.json"
    path.write_text(json.dumps(changed(json.loads(text), steps, wrong)))
    for stated in (*KINDS, None):
        read_or_refuse(path, stated)

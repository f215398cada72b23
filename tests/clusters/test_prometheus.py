"""Laws of Prometheus text: labels and values come out as they were escaped in; lines that are none are told."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.readers import sample, write
from trainfare.clusters.prometheus import json_samples, known, text_samples
from trainfare.core.errors import BadInput
from trainfare.core.period import parse_instant
from trainfare.core.tally import Tally


def texts(path, at_ns=None):
    tally = Tally("x")
    return list(text_samples(path, tally, at_ns=at_ns, wanted=lambda name: True)), tally


def escaped(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


printable = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20) | st.just(
    'a"\\\n}'
)


@given(
    st.dictionaries(st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True), printable),
    st.floats(allow_nan=False),
    st.none() | st.integers(0, 2 * 10**12),
)
def test_a_line_reads_back(tmp_path_factory, labels, value, milliseconds):
    block = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
    stamp = "" if milliseconds is None else f" {milliseconds}"
    folder = tmp_path_factory.mktemp("prom")
    (found,), tally = texts(write(folder, f"DCGM_X{{{block}}} {value!r}{stamp}\n"))
    assert not tally.problem_count
    assert (found.metric, found.labels, found.value) == ("DCGM_X", labels, value)
    assert found.instant_ns == (None if milliseconds is None else milliseconds * 10**6)


def test_scrapes_under_at_marks_have_their_times_and_a_dump_names_the_metric_inside(tmp_path):
    path = write(
        tmp_path,
        "# HELP a b\n# at 2026-10-01T00:00:00Z\na{} 1\n# at 2026-10-01T00:00:30Z\na 2\n"
        '{__name__="DCGM_Y", gpu="0",} NaN 1790812800000\n',
    )
    first, second, dumped = texts(path)[0]
    assert first.instant_ns == parse_instant("2026-10-01T00:00:00Z")
    assert second.instant_ns - first.instant_ns == 30 * 10**9
    assert dumped.metric == "DCGM_Y"
    assert math.isnan(dumped.value)


def test_lines_that_are_no_samples_are_told_by_number(tmp_path):
    path = write(tmp_path, '# at noon\nDCGM_X{a="b} 1\nDCGM_X one\nDCGM_X{a=b} 1\nhello\n')
    samples, tally = texts(path)
    assert samples == []
    assert [problem.row for problem in tally.problems] == [1, 2, 3, 4, 5]


def test_an_answer_of_the_api_is_read_point_by_point(tmp_path):
    series = {"metric": {"__name__": "DCGM_X", "UUID": "GPU-1"}, "values": [[1435781430.781, "1"]]}
    bare = {"metric": {"UUID": "GPU-1"}, "values": []}
    broken = {"metric": {"__name__": "DCGM_X"}, "values": [["soon", "1"]]}
    answer = {
        "status": "success",
        "data": {"resultType": "matrix", "result": [series, bare, broken]},
    }
    tally = Tally("x")
    path = write(tmp_path, json.dumps(answer))
    (found,) = json_samples(path, tally, wanted=lambda name: True)
    assert found.instant_ns == 1435781430781 * 10**6
    assert [p.row for p in tally.problems] == [2, 3]
    failed = write(tmp_path, '{"status": "error", "error": "too many points"}')
    list(json_samples(failed, tally, wanted=lambda name: True))
    assert "too many points" in str(tally.problems[-1])


@pytest.mark.parametrize("blank", [9223372036854775794.0, math.nan, math.inf, -1.0, 101.0])
def test_a_blank_is_no_measurement(blank):
    assert not known(blank, 100.0)


def test_the_exporters_readme_excerpt_is_read():
    samples, tally = texts(sample("bills/dcgm/readme_excerpt.prom"), at_ns=5)
    assert [s.metric for s in samples] == [
        "DCGM_FI_DEV_SM_CLOCK",
        "DCGM_FI_DEV_MEM_CLOCK",
        "DCGM_FI_DEV_MEMORY_TEMP",
    ]
    assert not tally.problem_count
    assert {s.instant_ns for s in samples} == {5}


def test_junk_is_refused(tmp_path):
    with pytest.raises(BadInput):
        texts(write(tmp_path, "a\0b"))

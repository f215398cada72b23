"""Laws of claim files: what is written reads back, and every wrong cell is told."""

import csv
import io
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.exports import CLAIMS_HEADER, CLAIMS_ROW
from clusters.readers import NOW, options, write
from trainfare.clusters.claim_file import read_claim_file
from trainfare.clusters.record import ClaimRecord
from trainfare.core.claim import exact_share
from trainfare.core.errors import BadInput
from trainfare.core.labels import make_labels
from trainfare.core.period import Interval, format_instant
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords

texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=20
)


def is_label(text):
    try:
        make_labels({"k": text})
    except BadInput:
        return False
    return True


@st.composite
def records(draw):
    start = draw(st.integers(0, NOW))
    is_open = draw(st.booleans())
    end = NOW if is_open else draw(st.integers(start, 4 * 10**18))
    whole = draw(st.integers(1, 64))
    keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,8}", fullmatch=True)
    return ClaimRecord(
        run=draw(st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True)),
        attempt=draw(st.integers(1, 99)),
        resource_id=draw(texts),
        interval=Interval(start, end),
        share=Fraction(draw(st.integers(1, whole)), whole),
        labels=make_labels(draw(st.dictionaries(keys, texts.filter(is_label), max_size=3))),
        source="csv",
        status=Status.RUNNING if is_open else None,
    )


def written_as(claims):
    """The claim file that says *claims*; one that goes on has an empty end."""
    keys = sorted({key for one in claims for key in one.labels})
    columns = ["run", "resource", "start", "end", "share", "attempt"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns, *(f"label.{key}" for key in keys)])
    for one in claims:
        start, end = map(format_instant, (one.interval.start_ns, one.interval.end_ns))
        end = "" if one.status is Status.RUNNING else end
        share = exact_share(one.share)
        words = [one.labels.get(key, "") for key in keys]
        writer.writerow([one.run, one.resource_id, start, end, share, one.attempt, *words])
    return file.getvalue()


@given(st.lists(records(), max_size=4))
@settings(max_examples=50)
def test_what_is_written_reads_back(tmp_path_factory, written):
    path = write(tmp_path_factory.mktemp("claims"), written_as(written))
    read = list(read_claim_file(path, options()).records)
    assert read == [replace(r, source_row=n) for n, r in enumerate(written, start=1)]


def test_columns_may_stand_in_any_order_and_attempt_is_one_where_absent(tmp_path):
    text = "share,end,start,resource,run\n1/3,2026-10-01T01:00:00+01:00,2026-10-01T00:00:00Z,i,r\n"
    (record,) = read_claim_file(write(tmp_path, text), options()).records
    assert (record.share, record.attempt, record.interval.duration_ns) == (Fraction(1, 3), 1, 0)


def test_every_wrong_cell_is_told_with_row_column_and_value(tmp_path):
    rows = [
        CLAIMS_ROW,
        CLAIMS_ROW.replace("r-1", "Run 1"),
        CLAIMS_ROW.replace("i-0", " "),
        CLAIMS_ROW.replace("2026-10-01T00:00:00Z", "2026-10-01 00:00"),
        CLAIMS_ROW.replace("T01:00", "T23:00", 1).replace("T00:00", "T23:30", 1),
        CLAIMS_ROW.replace("0.5", "1.5"),
        CLAIMS_ROW.replace("0.5", "1/0"),
        CLAIMS_ROW.replace("0.5,1", "0.5,0"),
        "r-1,i-0\n",
        CLAIMS_ROW.replace("0.5", "half"),
    ]
    with pytest.raises(BadRecords) as caught:
        read_claim_file(write(tmp_path, CLAIMS_HEADER + "".join(rows)), options())
    text = str(caught.value)
    for expected in (
        "row 2, column run: run id 'Run 1' is not 1 to 63",
        "row 3, column resource: is empty",
        "row 4, column start: '2026-10-01 00:00' is not an RFC 3339 time",
        "row 5, column end: an interval ends at",
        "row 6, column share: '1.5' is not a share",
        "row 7, column share: '1/0' is not a share",
        "row 8, column attempt: '0' is not an attempt",
        "row 9: has 2 fields, the header 7",
        "row 10, column share: 'half'",
    ):
        assert expected in text
    assert caught.value.total == 9


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("run,resource,start,end\n", "has no column share"),
        ("run,resource,start,end,share,team\n", "column team: is no column of a claim file"),
        ("run,resource,start,end,share,run\n", "column run: is there more than once"),
    ],
)
def test_a_header_that_is_none_is_told(tmp_path, header, what):
    with pytest.raises(BadRecords, match=what):
        read_claim_file(write(tmp_path, header + CLAIMS_ROW), options())

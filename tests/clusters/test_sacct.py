"""Slurm's accounting as claims: every stretch that was paid for, once, on the right nodes."""

import json
import tracemalloc
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.exports import GPUS, ONE_HOUR, SACCT_HEADER, sacct_job, sacct_row
from clusters.readers import by_run, options, sample, write
from trainfare.clusters.inventory import Inventory, make_capacity
from trainfare.clusters.sacct import is_sacct_header, read_sacct, read_sacct_json
from trainfare.core.errors import BadInput
from trainfare.core.period import Interval, parse_instant
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords


def read(tmp_path, *rows, header=SACCT_HEADER, **changes):
    return read_sacct(write(tmp_path, "\n".join((header, *rows)) + "\n"), options(**changes))


def only(reading):
    (record,) = reading.records
    return record


def test_a_job_claims_its_gpus_over_the_nodes_from_start_to_end(tmp_path):
    record = only(read(tmp_path, sacct_row()))
    assert record.run == "slurm-hpc-7"
    assert record.resource_id == "gpu01"
    assert record.share == Fraction(1, 2)
    assert record.interval == Interval.parse("2026-10-01T10:00:00Z", "2026-10-01T11:00:00Z")
    assert (record.status, record.attempt, record.source_row) == (Status.FINISHED, 1, 1)
    assert record.labels["slurm.user"] == "ada"
    assert record.labels["team"] == "nlp"
    assert record.reported == {"job": "7", "state": "COMPLETED", "gpus": "4", "gpu_models": "h100"}


def test_a_job_without_gpus_claims_its_cpus(tmp_path):
    assert only(read(tmp_path, sacct_row(tres="cpu=24,node=1"))).share == Fraction(1, 4)


@given(st.permutations(SACCT_HEADER.split("|")))
def test_the_order_of_columns_does_not_matter(tmp_path_factory, names):
    cells = dict(zip(SACCT_HEADER.split("|"), sacct_row().split("|"), strict=True))
    folder = tmp_path_factory.mktemp("sacct")
    text = "|".join(names).lower() + "\n" + "|".join(cells[n] for n in names) + "\n"
    assert only(read_sacct(write(folder, text), options())) == only(read(folder, sacct_row()))


def test_nodes_are_written_out_and_share_alike(tmp_path):
    tres = "cpu=96,gres/gpu=12,node=3"
    records = list(read(tmp_path, sacct_row(nodes="gpu[01-02],x7", tres=tres)).records)
    assert [r.resource_id for r in records] == ["gpu01", "gpu02", "x7"]
    assert {r.share for r in records} == {Fraction(1, 2)}


def test_steps_pending_and_never_started_jobs_are_counted_not_claimed(tmp_path):
    none = "None|None|00:00:00"
    reading = read(
        tmp_path,
        sacct_row(),
        sacct_row("7.batch"),
        sacct_row("7.extern"),
        sacct_row("7.0"),
        sacct_row("8", "Unknown|Unknown|00:00:00", "PENDING", "", "None assigned"),
        sacct_row("9_[4-9%2]", none, "PENDING", "", "None assigned"),
        sacct_row("10", none, "CANCELLED by 501", "", "None assigned"),
        sacct_row("11", state="COMPLETED", nodes="None assigned"),
    )
    assert reading.count == 1
    assert reading.skipped == {"step": 3, "pending": 2, "never started": 2}


def test_requeues_are_attempts_of_one_run_in_order_of_time(tmp_path):
    reading = read(
        tmp_path,
        sacct_row(times="2026-10-01T14:00:00|2026-10-01T15:00:00|01:00:00"),
        sacct_row(times="2026-10-01T10:00:00|2026-10-01T11:00:00|01:00:00", state="PREEMPTED"),
        sacct_row(times="2026-10-01T12:00:00|2026-10-01T13:00:00|01:00:00", state="NODE_FAIL"),
    )
    attempts = {r.attempt: r.status for r in reading.records}
    assert attempts == {1: Status.KILLED, 2: Status.FAILED, 3: Status.FINISHED}
    assert {r.run for r in reading.records} == {"slurm-hpc-7"}


def test_restarts_that_the_export_left_out_still_count(tmp_path):
    header = SACCT_HEADER + "|Restarts"
    assert only(read(tmp_path, sacct_row() + "|2", header=header)).attempt == 3


def test_array_tasks_are_runs_and_components_of_one_job_are_one_run(tmp_path):
    reading = read(
        tmp_path,
        sacct_row("100_3"),
        sacct_row("100_4"),
        sacct_row("200+0", nodes="a", tres="cpu=48,gres/gpu=4,node=1"),
        sacct_row("200+1", nodes="a", tres="cpu=12,gres/gpu=2,node=1"),
    )
    runs = by_run(reading)
    assert set(runs) == {"slurm-hpc-100-3", "slurm-hpc-100-4", "slurm-hpc-200"}
    (together,) = runs["slurm-hpc-200"]
    assert together.share == Fraction(6, 8)
    assert together.attempt == 1


def test_components_of_a_running_job_hold_a_node_together(tmp_path):
    going = {"times": "2026-10-01T10:00:00|Unknown|01:00:00", "state": "RUNNING", "nodes": "a"}
    one = sacct_row("200+0", tres="cpu=48,gres/gpu=4,node=1", **going)
    two = sacct_row("200+1", tres="cpu=12,gres/gpu=2,node=1", **going)
    assert only(read(tmp_path, one, two)).share == Fraction(6, 8)


def test_a_running_job_is_claimed_until_now(tmp_path):
    record = only(
        read(tmp_path, sacct_row(times="2026-10-01T10:00:00|Unknown|14:00:00", state="RUNNING"))
    )
    assert record.interval == Interval.parse("2026-10-01T10:00:00Z", "2026-10-02T00:00:00Z")
    assert record.status is Status.RUNNING


@pytest.mark.parametrize("name", ["train", "run_id=llama-7"])
@pytest.mark.parametrize("between", [(), (sacct_row("8"),)])
def test_a_job_listed_running_and_later_ended_is_claimed_once_as_it_ended(tmp_path, name, between):
    going = sacct_row(times="2026-10-01T10:00:00|Unknown|00:30:00", state="RUNNING", name=name)
    reading = read(tmp_path, going, *between, sacct_row(name=name))
    run = "slurm-hpc-7" if name == "train" else "llama-7"
    (record,) = by_run(reading)[run]
    assert record.interval == Interval.parse("2026-10-01T10:00:00Z", "2026-10-01T11:00:00Z")
    assert record.status is Status.FINISHED
    assert reading.skipped == {"listed twice": 1}


def test_suspended_time_lowers_the_share_and_is_not_claimed(tmp_path):
    header = SACCT_HEADER + "|Suspended"
    times = "2026-10-01T10:00:00|2026-10-01T14:00:00|03:00:00"
    assert only(
        read(tmp_path, sacct_row(times=times) + "|01:00:00", header=header)
    ).share == Fraction(3, 8)
    reading = read(tmp_path, sacct_row(times=times) + "|04:00:00", header=header)
    assert (reading.count, reading.skipped) == (0, {"suspended throughout": 1})


def test_the_users_own_run_id_wins_and_its_overlapping_jobs_add_up(tmp_path):
    header = SACCT_HEADER + "|Comment"
    later = "2026-10-01T12:00:00|2026-10-01T13:00:00|01:00:00"
    reading = read(
        tmp_path,
        sacct_row("1", tres="cpu=1,gres/gpu=2,node=1")
        + "|trainfare=llama-7 team=speech model=llama",
        sacct_row("2", tres="cpu=1,gres/gpu=3,node=1") + "|run_id=llama-7",
        sacct_row("3", later, name="run_id=llama-7") + "|",
        header=header,
    )
    first, second = by_run(reading)["llama-7"]
    assert (first.share, first.attempt) == (Fraction(5, 8), 1)
    assert (second.share, second.attempt) == (Fraction(1, 2), 2)
    assert (first.labels["team"], first.labels["model"]) == ("speech", "llama")
    assert "run_id" not in second.labels


def test_times_of_a_zone_are_settled_by_the_elapsed_time(tmp_path):
    times = "2026-10-25T02:30:00|2026-10-25T04:30:00|03:00:00"
    record = only(read(tmp_path, sacct_row(times=times), zone="Europe/Berlin"))
    assert record.interval == Interval.parse("2026-10-25T00:30:00Z", "2026-10-25T03:30:00Z")
    with pytest.raises(BadRecords, match="TZ=UTC"):
        read(
            tmp_path,
            sacct_row(times="2026-10-25T02:10:00|2026-10-25T02:20:00|00:10:00"),
            zone="Europe/Berlin",
        )


def test_a_bar_in_the_job_name_stays_in_it_where_only_one_column_is_free_text(tmp_path):
    middle = "JobID|JobName|Cluster|Start|End|Elapsed|State|AllocTRES|NodeList"
    line = f"7|a|b|c|hpc|{ONE_HOUR}|COMPLETED|{GPUS}|gpu01"
    assert only(read(tmp_path, line, header=middle)).labels["slurm.job_name"] == "a|b|c"
    assert only(read(tmp_path, sacct_row(name="x|y"))).labels["slurm.job_name"] == "x|y"
    with pytest.raises(BadRecords, match=r"someone wrote '\|'"):
        read(tmp_path, sacct_row(name="x|y") + "|c", header=SACCT_HEADER + "|Comment")


def test_parsable_with_its_last_bar_reads_like_parsable2(tmp_path):
    assert only(read(tmp_path, sacct_row() + "|", header=SACCT_HEADER + "|")) == only(
        read(tmp_path, sacct_row())
    )


def test_an_exclusive_job_holds_its_nodes_whole_without_an_inventory(tmp_path):
    line = sacct_row() + "|sbatch --exclusive -N1 job.sh"
    record = only(read(tmp_path, line, header=SACCT_HEADER + "|SubmitLine", inventory=Inventory()))
    assert record.share == 1
    shared = sacct_row() + "|sbatch --exclusive=user job.sh"
    with pytest.raises(BadRecords, match="are unknown"):
        read(tmp_path, shared, header=SACCT_HEADER + "|SubmitLine", inventory=Inventory())


def test_without_an_inventory_one_sentence_names_the_nodes_and_what_to_supply(tmp_path):
    rows = [sacct_row(str(n), nodes=f"n{n}") for n in range(40)]
    with pytest.raises(BadRecords) as caught:
        read(tmp_path, *rows, inventory=Inventory())
    assert caught.value.total == 1
    assert "n0, n1, n2" in str(caught.value)
    assert "and 30 more are unknown" in str(caught.value)
    assert "scontrol show nodes" in str(caught.value)


def test_every_wrong_cell_is_told_with_row_column_and_value(tmp_path):
    with pytest.raises(BadRecords) as caught:
        read(
            tmp_path,
            sacct_row("seven"),
            sacct_row(times="yesterday|2026-10-01T11:00:00|01:00:00"),
            sacct_row(times="2026-10-01T10:00:00|2026-10-01T09:00:00|01:00:00"),
            sacct_row(times="2026-10-01T10:00:00|Unknown|01:00:00"),
            sacct_row("8", tres="gpu"),
            sacct_row("9", nodes="gpu[01"),
            sacct_row("10", tres="cpu=1,gres/gpu=99"),
            "11|hpc|cut",
            sacct_row("12", times="2026-10-03T10:00:00|Unknown|00:00:00", state="RUNNING"),
        )
    text = str(caught.value)
    for expected in (
        "row 1, column JobID: 'seven' is not a job id",
        "row 2, column Start: 'yesterday' is not a time",
        "row 3, column End: ends before it starts",
        "row 4, column End: is COMPLETED but has no end",
        "row 5, column AllocTRES: 'gpu' is not name=count",
        "row 6, column NodeList: host list 'gpu[01' has an unpaired bracket",
        "row 7, column AllocTRES: the job holds 99 GPUs, its nodes have 8",
        "row 8: has 3 fields, the header 11",
        "row 9, column Start: starts after the time of the export",
    ):
        assert expected in text
    assert caught.value.total == 9


def test_ids_that_a_cluster_used_again_are_refused_not_merged(tmp_path):
    with pytest.raises(BadRecords, match=r"jobs of different users \(ada, bob\)"):
        read(tmp_path, sacct_row(user="ada"), sacct_row(user="bob"))


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("JobID|Start|End|Cluster", "has no column state, nodelist, alloctres"),
        ("JobID|Start|End|State|NodeList|AllocTRES", "does not say which cluster"),
    ],
)
def test_a_header_that_lacks_what_is_needed_says_how_to_export(tmp_path, header, what):
    with pytest.raises(BadRecords, match=what):
        read(tmp_path, header=header)


def test_a_cluster_named_by_the_user_serves_where_the_export_has_none(tmp_path):
    header = "JobID|Start|End|State|NodeList|AllocTRES"
    line = f"7|{ONE_HOUR.rpartition('|')[0]}|COMPLETED|gpu01|{GPUS}"
    assert only(read(tmp_path, line, header=header, cluster="hpc")).run == "slurm-hpc-7"


def test_headers_are_told_from_other_text():
    assert is_sacct_header(SACCT_HEADER)
    assert not is_sacct_header("run,resource,start,end,share")
    assert not is_sacct_header("JobID")


class TestRealLogs:
    """Open XDMoD's reference logs: 26 columns without a header."""

    def test_both_gpu_jobs_hold_two_gpus_and_one_was_cancelled_by_a_user(self):
        path = sample("bills/slurm/xdmod_phillips_gpu.log")
        two_gpus = Inventory(default=make_capacity(2, 12))
        first, second = read_sacct(path, options(inventory=two_gpus)).records
        assert (first.run, second.run) == ("slurm-phillips-163485", "slurm-phillips-196835")
        assert {first.share, second.share} == {Fraction(1)}
        assert (first.status, first.reported["state"]) == (Status.KILLED, "CANCELLED")
        assert first.interval == Interval.parse("2016-12-22T07:15:13Z", "2017-01-01T20:42:19Z")
        assert second.interval.duration_ns == 17 * 10**9

    def test_two_hundred_jobs_are_claims_or_counted(self):
        path = sample("bills/slurm/xdmod_pozidriv_head200.log")
        reading = read_sacct(path, options())
        assert reading.skipped == {"never started": 55}
        runs = by_run(reading)
        assert len(runs) == 145
        assert {r.resource_id for r in runs["slurm-pozidriv-977669"]} == {"cpn-f15-27"}
        four_nodes = [records for records in runs.values() if len(records) == 4]
        assert len(four_nodes) == 1
        assert {r.share for r in four_nodes[0]} == {Fraction(64, 4 * 96)}


def read_json(tmp_path, *jobs):
    path = write(tmp_path, json.dumps({"jobs": jobs, "meta": {}, "errors": []}), "jobs.json")
    return read_sacct_json(path, options())


def test_json_and_text_of_one_job_give_the_same_claims(tmp_path):
    header = SACCT_HEADER + "|Partition|QOS"
    times = "2026-10-01T10:00:00|2026-10-01T11:00:00|01:00:00"
    line = sacct_row(times=times, tres="cpu=96,gres/gpu=8,gres/gpu:h100=8", nodes="gpu[01-02]")
    text = list(read(tmp_path, line + "|gpu|normal", header=header).records)
    assert parse_instant("2026-10-01T10:00:00Z") == 1790848800 * 10**9
    assert list(read_json(tmp_path, sacct_job()).records) == text


def test_json_arrays_heterogeneous_jobs_running_and_pending_ones(tmp_path):
    reading = read_json(
        tmp_path,
        sacct_job(
            101, array={"job_id": 100, "task_id": {"set": True, "infinite": False, "number": 3}}
        ),
        sacct_job(
            201, het={"job_id": 200, "job_offset": {"set": True, "infinite": False, "number": 1}}
        ),
        sacct_job(300, state={"current": ["RUNNING"]}, time={"start": 1790848800, "end": 0}),
        sacct_job(
            400, state={"current": ["PENDING"]}, time={"start": 0, "end": 0}, nodes="None assigned"
        ),
        sacct_job(500, comment={"job": "run_id=own-run"}, restart_cnt=2),
        sacct_job(
            600,
            state={"current": "COMPLETED"},
            comment="team=speech",
            array={"job_id": 0, "task_id": None},
        ),
    )
    runs = by_run(reading)
    expected = {"slurm-hpc-100-3", "slurm-hpc-200", "slurm-hpc-300", "own-run", "slurm-hpc-600"}
    assert set(runs) == expected
    assert runs["slurm-hpc-300"][0].status is Status.RUNNING
    assert runs["slurm-hpc-600"][0].labels["team"] == "speech"
    assert reading.skipped == {"pending": 1}


def test_json_items_that_are_no_jobs_are_all_told(tmp_path):
    with pytest.raises(BadRecords) as caught:
        read_json(
            tmp_path,
            {"job_id": 7},
            "seven",
            sacct_job(cluster=""),
            sacct_job(8, tres={"allocated": [{"a": 1}]}),
        )
    assert caught.value.total == 4
    assert "row 3, column cluster: does not say which cluster" in str(caught.value)


@pytest.mark.long
def test_fifty_thousand_lines_are_claimed_in_bounded_memory(tmp_path):
    path = tmp_path / "big.txt"
    with path.open("w") as file:
        file.write(SACCT_HEADER + "\n")
        for number in range(50_000):
            file.write(
                sacct_row(str(number), nodes=f"gpu{number % 100:02d}", name=f"job {number}") + "\n"
            )
    tracemalloc.start()
    reading = read_sacct(path, options())
    instants = [r.interval.start_ns for r in reading.records]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reading.count == len(instants) == 50_000
    assert all(a <= b for a, b in pairwise(instants))
    assert peak < 50_000_000


def test_a_binary_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "junk"
    path.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(BadInput, match="NUL bytes"):
        read_sacct(path, options())

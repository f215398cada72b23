"""Usage is pulled from clusters again and again, and every claim is there once."""

import json
import stat
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("duckdb")

from billing.stores import served
from clusters.exports import SACCT_HEADER, sacct_row
from trainfare.core.period import HOUR, format_instant, parse_instant
from trainfare.flows.job_plan import UsagePlace
from trainfare.flows.usage import list_claims
from trainfare.flows.usage_pull import pull_usage

AT_NS = parse_instant("2026-10-02T12:00:00Z")
POD_NS = parse_instant("2026-10-01T20:00:00Z")


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing."""

    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def opencost(until_ns):
    """OpenCost with one pod that began on the evening of the first and still runs."""
    asked = []

    class OpenCost(_Quiet):
        def do_GET(self):
            url = urlsplit(self.path)
            asked.append(url.path)
            since, until = parse_qs(url.query)["window"][0].split(",")
            start = max(POD_NS, parse_instant(since))
            end = min(until_ns, parse_instant(until))
            pod = {
                "name": "a/train-0",
                "properties": {
                    "cluster": "k", "node": "n1", "namespace": "a", "pod": "train-0",
                    "controller": "train", "controllerKind": "job", "providerID": "i-0123456789abcdef0",
                },
                "window": {"start": since, "end": until},
                "start": format_instant(start),
                "end": format_instant(end),
                "minutes": (end - start) // (60 * 10**9),
                "cpuCoreHours": 1,
                "cpuCoreRequestAverage": 8,
                "gpuHours": 4 * (end - start) / HOUR,
                "gpuCount": 4,
                "totalCost": 1.5,
            }  # fmt: skip
            held = {"a/train-0": pod} if start < end else {}
            self.answer({"code": 200, "data": [held]})

    return OpenCost, asked


def spans(home):
    return [
        (format_instant(c.interval.start_ns)[8:16], format_instant(c.interval.end_ns)[8:16])
        for c, _ in list_claims(home)
    ]


def test_a_pod_that_runs_on_grows_and_is_claimed_once(tmp_path):
    nodes = tmp_path / "nodes.csv"
    nodes.write_text("node,gpus,cpus\nn1,8,64\n")
    for until_ns, at_ns in ((AT_NS - 2 * HOUR, AT_NS - 2 * HOUR), (AT_NS, AT_NS)):
        handler, asked = opencost(until_ns)
        with served(handler) as address:
            place = UsagePlace("opencost", address, nodes=nodes)
            pulled = pull_usage(tmp_path, [place], at_ns=at_ns)
        assert (pulled.failures, asked) == ((), ["/allocation"] * 2)
    assert (pulled.added, pulled.changed) == (0, 1)
    assert spans(tmp_path) == [("01T20:00", "02T00:00"), ("02T00:00", "02T12:00")]


def prometheus(series):
    class Prometheus(_Quiet):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            if "start" not in query:  # it is asked for node exporter, which is not there
                self.answer({"status": "success", "data": {"resultType": "vector", "result": []}})
                return
            since, until = (parse_instant(query[key][0]) // 10**9 for key in ("start", "end"))
            step = int(query["step"][0])
            values = [[at, "95"] for at in range(since, until, step) if series[0] <= at < series[1]]
            labels = {
                "__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "UUID": "GPU-1", "Hostname": "n1",
                "namespace": "a", "pod": "train-0", "container": "c",
            }  # fmt: skip
            result = [{"metric": labels, "values": values}] if values else []
            self.answer({"status": "success", "data": {"resultType": "matrix", "result": result}})

    return Prometheus


def test_dcgm_is_asked_by_prometheus_day_by_day_and_an_empty_day_is_none(tmp_path):
    begin = parse_instant("2026-10-02T01:00:00Z") // 10**9
    for _ in range(2):
        with served(prometheus((begin, begin + 3600))) as address:
            pulled = pull_usage(tmp_path, [UsagePlace("dcgm", address)], at_ns=AT_NS)
        assert pulled.failures == ()
    assert (pulled.added, pulled.changed) == (0, 0)
    assert spans(tmp_path) == [("02T01:00", "02T02:00")]


def command(tmp_path, monkeypatch, name, text):
    """A program of that name on the PATH, in place of Slurm's."""
    program = tmp_path / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")


def test_sacct_is_asked_only_for_what_it_has(tmp_path, monkeypatch):
    fields = "JobID Cluster User Start End Elapsed State AllocTRES NodeList"
    only = " ".join(fields.lower().split())
    script = (
        f"case $1 in --helpformat) echo '{fields}'; exit;; esac\n"
        "case \"$*\" in *restarts*) echo 'Invalid field requested' >&2; exit 1;; esac\n"
        f"echo $6 > {tmp_path}/asked\nprintf '%s\\n' '{SACCT_HEADER}' '{sacct_row()}'"
    )
    command(tmp_path, monkeypatch, "sacct", script)
    place = UsagePlace("slurm", gpus_per_node=8, cpus_per_node=64)
    pulled = pull_usage(tmp_path, [place], at_ns=AT_NS)
    assert (pulled.failures, pulled.added) == ((), 1)
    asked = (tmp_path / "asked").read_text().strip().split(",")
    assert sorted(asked) == sorted(only.split())


def test_slurm_is_asked_for_days_back_in_utc(tmp_path, monkeypatch):
    command(
        tmp_path,
        monkeypatch,
        "sacct",
        f"echo \"$TZ $@\" > {tmp_path}/asked\nprintf '%s\\n' '{SACCT_HEADER}' '{sacct_row()}'",
    )
    place = UsagePlace("slurm", cluster="hpc", gpus_per_node=8, cpus_per_node=64)
    first = pull_usage(tmp_path, [place], at_ns=AT_NS)
    assert (first.failures, first.added) == ((), 1)
    assert pull_usage(tmp_path, [place], at_ns=AT_NS).added == 0
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("UTC --allusers")
    assert "--starttime 2026-10-01T00:00:00" in asked
    assert "--clusters hpc" in asked


def test_what_nodes_have_is_asked_of_slurm_where_nobody_says_it(tmp_path, monkeypatch):
    command(tmp_path, monkeypatch, "sacct", f"printf '%s\\n' '{SACCT_HEADER}' '{sacct_row()}'")
    command(
        tmp_path,
        monkeypatch,
        "scontrol",
        "echo 'NodeName=gpu01 Arch=x86_64 CPUTot=96 Gres=gpu:h100:8 CfgTRES=cpu=96,gres/gpu=8'",
    )
    assert pull_usage(tmp_path, [UsagePlace("slurm")], at_ns=AT_NS).failures == ()
    [(claim, _)] = list_claims(tmp_path)
    assert str(claim.share) == "1/2"


def test_a_system_that_fails_is_told_and_keeps_no_other_from_being_asked(tmp_path, monkeypatch):
    command(tmp_path, monkeypatch, "sacct", "echo 'slurmdbd is down' >&2; exit 1")
    csv = tmp_path / "claims.csv"
    csv.write_text(
        "run,resource,start,end,share\na,i-1,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,1\n"
    )
    places = [
        UsagePlace("slurm", gpus_per_node=8),
        UsagePlace("file", str(tmp_path / "none*.csv")),
        UsagePlace("file", str(tmp_path / "claims*.csv")),
    ]
    pulled = pull_usage(tmp_path, places, at_ns=AT_NS)
    assert pulled.added == 1
    assert [str(one) for one in pulled.failures] == [
        "sacct failed with exit code 1: slurmdbd is down",
        f"there is no file {tmp_path}/none*.csv; check files in jobs.toml",
    ]


def test_a_machine_without_slurm_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    [failure] = pull_usage(tmp_path, [UsagePlace("slurm", gpus_per_node=8)]).failures
    assert str(failure).startswith("sacct is not on this machine")

"""What exporters say goes through a real Prometheus and comes back as who held which GPU."""

import json
from fractions import Fraction
from http.server import BaseHTTPRequestHandler

import pytest

pytest.importorskip("duckdb")

from billing.stores import served
from flows.bills import trainfare
from prometheus import job, prometheus
from trainfare.clusters.tres import WHOLE_GPU
from trainfare.core.period import HOUR, SECOND, format_instant, parse_instant
from trainfare.flows.job_plan import UsagePlace
from trainfare.flows.node_inventory import ask_inventory
from trainfare.flows.usage import list_claims
from trainfare.flows.usage_pull import STEP_SECONDS, pull_usage

HELD = 'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu01",hpc_job="{job}"}} {busy}'
ENERGY = 'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu01",hpc_job="{job}"}} {mj}'


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Replay(BaseHTTPRequestHandler):
    """An exporter that says what a test put into ``text``."""

    text = ""

    def log_message(self, *args):
        """Say nothing."""

    def do_GET(self):
        body = type(self).text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def dcgm(job="7", busy=95, mj=10_000):
    """A scrape of dcgm-exporter, as its default counters have it."""
    return "\n".join(
        [
            "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).",
            "# TYPE DCGM_FI_DEV_GPU_UTIL gauge",
            HELD.format(job=job, busy=busy),
            "# HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy consumption since boot (in mJ).",
            "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter",
            ENERGY.format(job=job, mj=mj),
            "",
        ]
    )


def test_what_is_scraped_now_is_imported_as_claims(need, tmp_path, home):
    program = need("prometheus")
    exporter = type("Exporter", (Replay,), {"text": dcgm()})
    with served(exporter) as address:
        with prometheus(program, tmp_path / "prometheus", [job("dcgm", address)]) as server:
            held = "sum_over_time(DCGM_FI_DEV_GPU_UTIL{hpc_job='7'}[5m])"
            server.until(held, lambda found: found and found[0][1] >= 3 * 95)
            exporter.text = dcgm(job="", busy=0)
            server.until("DCGM_FI_DEV_GPU_UTIL{hpc_job=''}")
            [(_, last)] = server.query("timestamp(DCGM_FI_DEV_GPU_UTIL{hpc_job=''})")
            answer = server.ask(
                "/api/v1/query_range",
                query='{__name__=~"DCGM_FI_.*"}',
                start=last - 60,
                end=last,
                step="1",
            )
    export = tmp_path / "range.json"
    export.write_text(json.dumps({"status": "success", "data": answer}))
    words = ("claims", "import", "--from", "dcgm", "--cluster", "hpc", export)
    assert trainfare(home, *words)["claims"] == 1
    [(claim, source)] = list_claims(home)
    assert (claim.run, claim.resource_id, source) == ("slurm-hpc-7", "GPU-1", "dcgm")
    assert 0 < claim.interval.duration_ns < 60 * 10**9
    assert trainfare(home, *words)["unchanged"] == 1


def history():
    """Two hours of 2026-10-01 as dcgm-exporter was scraped every half minute: a job, then nobody."""
    begin = parse_instant("2026-10-01T01:00:00Z") // 10**9
    lines = ["# TYPE DCGM_FI_DEV_GPU_UTIL gauge"]
    for second in range(0, 7200, 30):
        held = second < 3600
        line = HELD.format(job="7" if held else "", busy=95 if held else 0)
        lines.append(f"{line} {begin + second}")
    lines.append("# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION gauge")
    for second in range(0, 7200, 30):
        line = ENERGY.format(job="7" if second < 3600 else "", mj=700_000 * min(second, 3600))
        lines.append(f"{line} {begin + second}")
    return "\n".join([*lines, "# EOF", ""])


def test_a_pull_asks_prometheus_for_whole_days_and_again_changes_nothing(need, tmp_path, home):
    at_ns = parse_instant("2026-10-02T12:00:00Z")
    with prometheus(need("prometheus"), tmp_path / "prometheus", blocks=history()) as server:
        place = UsagePlace("dcgm", server.url, cluster="hpc")
        first = pull_usage(home, [place], at_ns=at_ns)
        again = pull_usage(home, [place], at_ns=at_ns)
    assert (first.failures, first.added) == ((), 1)
    assert (again.added, again.changed) == (0, 0)
    [(claim, _)] = list_claims(home)
    assert claim.run == "slurm-hpc-7"
    assert format_instant(claim.interval.start_ns) == "2026-10-01T01:00:00Z"
    # A backfill has no marks of where a series ends: the end is true to one step of the question.
    assert HOUR <= claim.interval.duration_ns <= HOUR + STEP_SECONDS * SECOND


BOARD = "i-0123456789abcdef0"


def nodes(second, *, board=BOARD):
    """What node exporter says on a node of 4 CPUs at that time, each line with its time."""
    labels = f'bios_vendor="Amazon EC2",board_asset_tag="{board}",board_vendor="Amazon EC2",chassis_asset_tag="Amazon EC2",product_name="p5.48xlarge",system_vendor="Amazon EC2"'
    uname = 'domainname="(none)",machine="x86_64",nodename="gpu01",release="6.1.0",sysname="Linux",version="#1 SMP"'
    yield f'node_dmi_info{{instance="gpu01:9100",{labels}}} 1 {second}'
    yield f'node_uname_info{{instance="gpu01:9100",{uname}}} 1 {second}'
    for cpu in range(4):
        for mode in ("idle", "user"):
            line = f'node_cpu_seconds_total{{instance="gpu01:9100",cpu="{cpu}",mode="{mode}"}}'
            yield f"{line} {second % 86400} {second}"


def families(lines):
    """OpenMetrics text of lines, grouped by their metrics as it wants them."""
    groups = {}
    for line in lines:
        groups.setdefault(line.partition("{")[0], []).append(line)
    text = [line for name in sorted(groups) for line in (f"# TYPE {name} unknown", *groups[name])]
    return "\n".join([*text, "# EOF", ""])


def test_node_exporter_says_which_part_of_which_machine_a_job_held(need, tmp_path, home):
    begin = parse_instant("2026-10-01T01:00:00Z") // 10**9
    lines = []
    for second in range(begin, begin + 3600, 60):
        for gpu in (1, 2, 3, 4):
            job_id = "7" if gpu == 1 else ""
            line = HELD.format(job=job_id, busy=95).replace("GPU-1", f"GPU-{gpu}")
            lines.append(f"{line} {second}")
        lines += nodes(second)
    at_ns = parse_instant("2026-10-01T03:00:00Z")
    with prometheus(need("prometheus"), tmp_path / "p", blocks=families(lines)) as server:
        found = ask_inventory(server.url, at_ns)
        pulled = pull_usage(home, [UsagePlace("dcgm", server.url, cluster="hpc")], at_ns=at_ns)
    node = found.nodes["gpu01"]
    assert (node.capacity.cpus, node.capacity.gpu_units, node.resource_id) == (
        4,
        4 * WHOLE_GPU,
        BOARD,
    )
    assert (pulled.failures, pulled.added) == ((), 1)
    [(claim, _)] = list_claims(home)
    assert (claim.run, claim.resource_id, claim.share) == ("slurm-hpc-7", BOARD, Fraction(1, 4))


def test_a_board_that_bears_no_instance_id_leaves_the_nodes_name(need, tmp_path):
    begin = parse_instant("2026-10-01T01:00:00Z") // 10**9
    text = families(nodes(begin, board="Not Specified"))
    with prometheus(need("prometheus"), tmp_path / "p", blocks=text) as server:
        found = ask_inventory(server.url, (begin + 60) * SECOND)
        assert ask_inventory(server.url, (begin - 60) * SECOND).nodes == {}
    assert found.resource_id("gpu01") == "gpu01"

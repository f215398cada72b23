"""How the allocation of one bill grows on DuckDB and on Spark, beside each other.

    python -m bench.scale 'local[2]' 10_000_000x100_000 50_000_000x100_000 50_000_000x1_000_000
    python -m bench.scale --draw docs/pictures/scale.svg      the chart of what was measured

Each size is charges x runs. Bill and claims are those of bench.allocation_time, made once per size,
the same every time. Each engine runs in a process of its own; no survey is kept, so both begin from
the lake's files, and their totals are held against each other. Of Spark the clock is told, starting
Java included. Spark runs in the environment of the frameworks (`make frameworks`), or where
TRAINFARE_SPARK_PYTHON says. What is measured is added to bench/scale.json. Linux only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.allocation_time import OUT, claims_of, lake_of

FOUND = Path(__file__).parent / "scale.json"
SPARK_PYTHON = os.environ.get("TRAINFARE_SPARK_PYTHON", ".venv-frameworks/bin/python")

MEASURED = """
import json, resource, sys, time
from pathlib import Path
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.{engine} import allocate
from trainfare.core.charge import View
{setting}
def told(pid):
    words = Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{{pid}}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return int(words[1]), (int(words[11]) + int(words[12])) / 100, peak
def family():
    found = {{}}
    for each in Path("/proc").glob("[0-9]*"):
        try: found[int(each.name)] = told(each.name)
        except (OSError, IndexError): continue
    import os
    mine, grown = {{os.getpid()}}, True
    while grown:
        more = {{pid for pid, (parent, _, _) in found.items() if parent in mine}} - mine
        mine, grown = mine | more, bool(more)
    return [found[pid] for pid in mine]
began = time.perf_counter()
charges = [Path(name) for name in {charges!r}]
done = allocate(charges, Evidence(claims=Path({claims!r})), out=Path(sys.argv[1]) / "out", {options})
seconds = time.perf_counter() - began
members = family()
print(json.dumps({{"seconds": seconds, "cpu": sum(cpu for _, cpu, _ in members),
    "peak_mb": sum(peak for _, _, peak in members), "rows": done.rows,
    "runs_nano": [str(one.runs) for one in done.outcomes if one.view is View.EFFECTIVE]}}))
"""
SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.driver.memory": "6g",
}


def main() -> None:
    """Run both engines at every size, print a table, and keep what was found."""
    if sys.argv[1:2] == ["--draw"]:
        Path(sys.argv[2]).write_text(drawn(json.loads(FOUND.read_text())), encoding="utf-8")
        return
    master, *sizes = sys.argv[1:]
    OUT.mkdir(exist_ok=True)
    kept = json.loads(FOUND.read_text()) if FOUND.exists() else []
    print("| charges | runs | engine | seconds | CPU s | charges/s | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        charges, runs = map(int, size.split("x"))
        results = []
        for engine in ("DuckDB", "Spark"):
            one = measured(engine, charges, runs, master)
            results.append(one.pop("runs_nano"))
            kept = [k for k in kept if key_of(k) != key_of(one)] + [one]
            print(
                f"| {charges:,} | {runs:,} | {engine} | {one['seconds']:.1f} | {one['cpu']:.1f} "
                f"| {charges / one['seconds']:,.0f} | {one['peak_mb']:,.0f} |",
                flush=True,
            )
            FOUND.write_text(json.dumps(sorted(kept, key=key_of), indent=1) + "\n")
        if results[0] != results[1]:
            sys.exit(f"the engines differ: {results}")


def key_of(one: dict) -> tuple[int, int, str]:
    """What tells one measurement from another."""
    return one["runs"], one["charges"], one["engine"]


def measured(engine: str, charges: int, runs: int, master: str) -> dict:
    """One allocation in a fresh process: seconds, CPU seconds and memory of it and its children."""
    is_spark = engine == "Spark"
    script = MEASURED.format(
        engine="engine_spark" if is_spark else "engine_duckdb",
        setting="from trainfare.allocation.spark import Cluster" if is_spark else "",
        options=f"cluster=Cluster({master!r})" if is_spark else "threads=2",
        charges=[str(path.resolve()) for path in lake_of(charges)],
        claims=str(claims_of(charges, runs).resolve()),
    )
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        conf = Path(folder, "spark-defaults.conf")
        conf.write_text("".join(f"{name} {value}\n" for name, value in SPARK_SETTINGS.items()))
        done = subprocess.run(
            [SPARK_PYTHON if is_spark else sys.executable, "-c", script, folder],
            env={**os.environ, "SPARK_CONF_DIR": folder, "SPARK_LOCAL_IP": "127.0.0.1"},
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
    answer = json.loads(done.stdout.splitlines()[-1])
    answer["load"] = os.getloadavg()[0]
    numbers = {name: round(answer[name], 1) for name in ("seconds", "cpu", "peak_mb", "load")}
    return {"engine": engine, "charges": charges, "runs": runs, **numbers,
            "runs_nano": answer["runs_nano"]}  # fmt: skip


def drawn(found: list[dict]) -> str:
    """Seconds over charges as SVG, both on logarithmic scales, a line per engine and number of runs."""
    import altair as alt

    from trainfare.reports.chart_file import svg_of

    rows = [{**one, "line": f"{one['engine']}, {one['runs']:,} runs"} for one in found]
    base = alt.Chart(alt.Data(values=rows), width=520, height=320).encode(
        x=alt.X("charges:Q", scale=alt.Scale(type="log", domain=[8e6, 250e6]), title="charges of the bill",
                axis=alt.Axis(values=[10_000_000, 50_000_000, 200_000_000], format="~s")),
        y=alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds, two cores",
                axis=alt.Axis(values=[5, 10, 20, 50, 100, 200, 500, 1000])),
        color=alt.Color("engine:N", title=None, scale=alt.Scale(range=["#0072b2", "#b85c00"])),
        strokeDash=alt.StrokeDash("runs:N", title="runs", legend=alt.Legend(format=",", symbolType="stroke", symbolStrokeColor="#444", symbolSize=600)),
    )  # fmt: skip
    return svg_of(base.mark_line(point=True))


if __name__ == "__main__":
    main()

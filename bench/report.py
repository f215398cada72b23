"""The report of a run of benchmarks: Markdown, JSON, and a chart of ratios for each benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.table import short

WORDS = {True: "yes", False: "**no**", None: "not measured"}


def write_report(document: Mapping[str, Any], folder: Path) -> Path:
    """Write RESULTS.md, RESULTS.json and charts/NAME.svg below *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = {one["name"]: _draw(one, folder) for one in document["results"]}
    text = "\n\n".join(_parts(document, charts)) + "\n"
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")
    plain = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "RESULTS.json").write_text(plain + "\n", encoding="utf-8")
    return folder / "RESULTS.md"


def _parts(document: Mapping[str, Any], charts: Mapping[str, Path | None]) -> Iterable[str]:
    kind = "A light run: small sizes, no figures to quote. " if document["light"] else ""
    yield (
        f"# Trainfare beside its peers\n\n{kind}A benchmark measures Trainfare and what stands beside it "
        "in turns, in one run; when and where stands with each."
    )
    yield ", ".join(f"{name} {version}" for name, version in document["versions"].items()) + "."
    left = [one for one in document["results"] if one["skipped"] or one["broken"]]
    if left:
        lines = [f"- {one['name']}: {one['skipped'] or one['broken']}." for one in left]
        yield "Not measured:\n\n" + "\n".join(lines)
    lines = [
        f"| [{one['name']}](#{one['name']}) | {t['what']} | {t['promise']} | {t['measured']} "
        f"| {WORDS[t['is_met']]} |"
        for one in document["results"]
        for table in one["tables"]
        for t in table["targets"]
    ]
    if lines:
        yield "\n".join(
            (
                "## Targets\n",
                "| benchmark | what | target | measured | met |",
                "|" + "---|" * 5,
                *lines,
            )
        )
    for one in document["results"]:
        if not one["skipped"]:
            yield from _section(one, charts[one["name"]])


def _section(one: Mapping[str, Any], chart: Path | None) -> Iterable[str]:
    """A benchmark: how it was called, its ratios, what it printed."""
    before, after = one["load"]
    yield (
        f"## {one['name']}\n\n`{one['command']}` took {one['seconds']:.0f} s on {one['measured']}; "
        f"load average of one minute {before:.1f} before, {after:.1f} after."
    )
    ratios = [ratio for table in one["tables"] for ratio in table["ratios"]]
    if ratios:
        lines = ["| what | median (quartiles) | beside | median (quartiles) | ratio |"]
        lines.append("|---|---|---|---|---|")
        lines += [
            f"| {r['what']} | {_spread(r['ours'])} {r['unit']} | {r['peer']} "
            f"| {_spread(r['beside'])} {r['unit']} | {short(r['value'])} |"
            for r in ratios
        ]
        yield "\n".join(lines)
    if chart is not None:
        yield f"![ratios of {one['name']}](charts/{chart.name})"
    notes = [note for table in one["tables"] for note in table["notes"]]
    if notes:
        yield "\n".join(f"- {note}" for note in notes)
    said = one["said"].strip()
    if said:
        yield f"<details><summary>what it printed</summary>\n\n````text\n{said}\n````\n\n</details>"


def _spread(values: Mapping[str, Any]) -> str:
    low, high = short(values["quarter"]), short(values["three_quarters"])
    return f"{short(values['median'])} ({low}–{high}; {values['count']})"


def _draw(one: Mapping[str, Any], folder: Path) -> Path | None:
    """Bars of the ratios with their quartiles; None where there are none."""
    import altair as alt

    rows = [
        {
            "what": f"{r['what']} / {r['peer']}",
            "ratio": r["value"],
            "low": r["ends"][0],
            "high": r["ends"][1],
        }
        for table in one["tables"]
        for r in table["ratios"]
    ]
    if not rows:
        return None
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("what:N", title=None, sort=None, axis=alt.Axis(labelLimit=420))
    )
    title = "times as much as what stands beside it (1 is as much)"
    scale = alt.Scale(type="log")
    marks = base.mark_point(filled=True, size=80, color="#1f6f8b").encode(
        x=alt.X("ratio:Q", title=title, scale=scale)
    )
    ends = base.mark_rule(color="#1f6f8b").encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    one_line = alt.Chart(alt.Data(values=[{"at": 1}])).mark_rule(strokeDash=[4, 4], color="#888")
    chart = alt.layer(one_line.encode(x=alt.X("at:Q", scale=scale)), ends, marks)
    (folder / "charts").mkdir(exist_ok=True)
    path = folder / "charts" / f"{one['name']}.svg"
    chart.properties(width=420, background="white").save(str(path))
    return path

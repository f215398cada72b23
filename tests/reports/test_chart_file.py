"""Charts as files: each one renders, in both themes and widths, without a network."""

import json
import math
import re
import subprocess

import pytest

from reports.chart_cases import CASES, EMPTY, check_golden, measured, values_of
from trainfare.core.money import Money
from trainfare.reports.chart_file import embedded, page_of, png_of, spec_of, svg_of
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.chart_theme import DARK, LIGHT, Look

cases = pytest.mark.parametrize("name", CASES)
LOOKS = [Look(LIGHT), Look(DARK), Look(LIGHT, 360), Look(DARK, 360)]


@cases
def test_the_specification_is_the_golden_one(name):
    check_golden(name, spec_of(CASES[name]()))


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.theme.name}-{look.width}")
@cases
def test_a_picture_is_drawn_as_wide_as_asked(name, look):
    width, height, lines = measured(png_of(CASES[name](look), scale=1))
    assert abs(width - look.width) <= 1
    assert 100 < height < 1200
    assert lines > 30


@cases
def test_a_picture_has_the_scale_asked_for(name):
    small, large = (measured(png_of(CASES[name](), scale=scale))[:2] for scale in (1, 2))
    assert large == tuple(2 * side for side in small)


@cases
def test_an_empty_chart_says_why_in_place_of_axes(name):
    svg = svg_of(EMPTY[name]())
    assert "role-axis" not in svg
    spec = spec_of(EMPTY[name]())
    sentence = " ".join(spec["layer"][0]["mark"]["text"])
    assert sentence.endswith(".")
    assert len(sentence.split()) > 5
    assert sentence in spec["description"]


@cases
def test_every_number_is_finite_and_nothing_unknown_is_drawn_as_zero(name):
    values = list(values_of(spec_of(CASES[name]())))
    numbers = [value for value in values if isinstance(value, int | float)]
    assert len(numbers) > 5
    assert all(math.isfinite(number) for number in numbers)
    assert None not in values


@cases
def test_every_axis_names_its_unit_and_every_chart_describes_itself(name):
    spec = spec_of(CASES[name]())
    assert len(spec["description"]) > len(" ".join(spec["title"]["text"]))
    axes = [
        encoding[side]
        for part in spec["layer"]
        for encoding in [part.get("encoding", {})]
        for side in ("x", "y")
        if encoding.get(side, {}).get("type") in ("quantitative", "temporal", "ordinal")
    ]
    titles = {axis["axis"].get("title") for axis in axes if axis.get("axis")} - {None}
    units = re.compile(r"USD|UTC|hours|%|epoch|GPU|minutes|seconds")
    assert titles
    assert all(units.search(title) for title in titles)


@cases
def test_text_is_drawn_with_the_fonts_of_the_reader(name):
    assert "system-ui" in svg_of(CASES[name]())


def test_a_page_draws_itself_in_a_browser_without_a_network(need, tmp_path):
    place = tmp_path / "chart.html"
    place.write_text(page_of(CASES["run-timeline"]()), encoding="utf-8")
    command = [need("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", place.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    drawn = done.stdout.partition('id="chart"')[2]
    assert "attempt 2: finished" in drawn
    assert drawn.count("<path") > 10


def test_the_callers_altair_settings_change_nothing():
    import altair as alt

    plain = spec_of(CASES["spend-by-group"]())
    with alt.theme.enable("dark"):
        assert spec_of(CASES["spend-by-group"]()) == plain
    assert alt.data_transformers.consolidate_datasets


def test_a_page_needs_no_network_and_no_name_can_leave_its_script():
    wicked = "</script><img src=x onerror=alert(1)>"
    chart = spend_by_group([GroupSpend(wicked, "compute", Money.parse("1"))], by="team")
    page = page_of(chart)
    own = embedded(chart, "one")
    assert "</script><img" not in page
    assert own.count("</script>") == 1
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page) == []
    assert page.count("vegaEmbed(") >= 1
    told = json.loads(re.search(r'vegaEmbed\("#one", (.*), \{"actions"', own)[1])
    assert told == spec_of(chart)
    assert 'role="img" aria-label="Spend by team.' in own

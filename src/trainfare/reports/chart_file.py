"""Charts as files: Vega-Lite JSON, SVG, PNG, and one HTML page that needs no network."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import BadInput

if TYPE_CHECKING:
    import altair as alt


def spec_of(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The Vega-Lite specification of *chart* with its data inside; the same for equal charts.

    Whatever theme and options the caller's session has set do not matter.
    """
    import altair as alt

    with alt.theme.enable("none"), alt.data_transformers.enable(consolidate_datasets=False):
        spec = chart.to_dict()
    assert isinstance(spec, dict)
    return spec


def svg_of(chart: alt.TopLevelMixin) -> str:
    """*chart* as SVG; nothing is loaded from anywhere."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec_of(chart), allowed_base_urls=[]))


def png_of(chart: alt.TopLevelMixin, scale: int = 2) -> bytes:
    """*chart* as PNG, *scale* pixels for each of its own."""
    import vl_convert

    png = vl_convert.vegalite_to_png(spec_of(chart), scale=scale, allowed_base_urls=[])
    return bytes(png)


def script_of() -> str:
    """The JavaScript that draws specifications: it sets ``vegaEmbed``.

    About 0.9 MB; a page carries it once, whatever the number of its charts, and needs no network.
    """
    import vl_convert

    # A page must not end its own script where a string of the libraries says so.
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace(
        "</script", "<\\/script"
    )


def embedded(chart: alt.TopLevelMixin, element_id: str) -> str:
    """HTML of one chart on a page that carries :func:`script_of`.

    The chart's description stands in the page for who reads without eyes.
    """
    spec = spec_of(chart)
    # "<" inside JSON text would let a run's name end the script.
    data = json.dumps(spec, ensure_ascii=False).replace("<", "\\u003c")
    label = escape(str(spec.get("description", "")), quote=True)
    options = '{"actions": false, "renderer": "svg"}'
    return (
        f'<div id="{escape(element_id, quote=True)}" role="img" aria-label="{label}"></div>\n'
        f"<script>vegaEmbed({json.dumps('#' + element_id)}, {data}, {options});</script>\n"
    )


def write_chart(chart: alt.TopLevelMixin, path: Path) -> None:
    """Write *chart* to *path* as its ending says: png, svg, json or html.

    Raises:
        BadInput: the ending is none of these.
    """
    kind = path.suffix.lower()
    if kind == ".png":
        path.write_bytes(png_of(chart))
    elif kind == ".svg":
        path.write_text(svg_of(chart), encoding="utf-8")
    elif kind == ".html":
        path.write_text(page_of(chart), encoding="utf-8")
    elif kind == ".json":
        text = json.dumps(spec_of(chart), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    else:
        raise BadInput(f"{path}: a chart is written as png, svg, json or html; name the file so")


def page_of(chart: alt.TopLevelMixin) -> str:
    """One HTML page with *chart* alone; it works without a network."""
    spec = spec_of(chart)
    text = spec["title"]["text"]
    title = escape(" ".join(text) if isinstance(text, list) else str(text))
    background = spec["config"]["background"]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>body {{ margin: 16px; background: {background}; }}</style>\n"
        f"<script>{script_of()}</script>\n</head>\n<body>\n{embedded(chart, 'chart')}</body>\n</html>\n"
    )

"""Prices, estimates, charts and the server itself, over the API."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound
from trainfare.core.money import decimal_of
from trainfare.core.period import format_instant
from trainfare.core.stage import Status
from trainfare.flows.chart_question import Question
from trainfare.flows.charts import CHARTS, draw, need_charts
from trainfare.flows.fare import fares, plan_job
from trainfare.flows.price_json import (
    estimate_json,
    find_price,
    known_price_json,
    listing_json,
)
from trainfare.prices.book import PriceBook
from trainfare.server.own_runs import own_run
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form
from trainfare.store.deliveries import newest_change_ns
from trainfare.store.sights import Wanted, count_by_status

OF_A_RUN = ("timeline", "epochs", "waterfall")
"""Charts that show one run; the others show all teams."""

Words = Annotated[str, QueryParameter(max_length=200)]


@get("/prices", sync_to_thread=True, tags=["prices"])
def find_prices(
    caller: Caller,
    service: Service,
    q: Words,
    provider: str | None = None,
    region: str | None = None,
    option: str | None = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 20,
    form: Form = "json",
) -> Response[Any]:
    """Listed prices by name, accelerator, provider or region, the cheapest first."""
    caller.need("read")
    at_ns = time.time_ns()
    found = PriceBook(service.home).find(q, provider, region, option)
    rows = [listing_json(item, at_ns) for item in found[:limit]]
    return as_form(form, "prices", {"prices": rows, "total": len(found)}, lambda: rows)


@get("/prices/show", sync_to_thread=True, tags=["prices"])
def show_price(
    caller: Caller,
    service: Service,
    sku: Annotated[str, QueryParameter(max_length=400, description="a name or a whole SKU")],
    provider: str | None = None,
    region: str | None = None,
    option: str = "on_demand",
) -> dict[str, Any]:
    """Which price holds for a machine, and why."""
    caller.need("read")
    at_ns = time.time_ns()
    price, listing = find_price(service.home, sku, provider, region, option, at_ns)
    return known_price_json(price, listing, at_ns)


@get("/estimate", sync_to_thread=True, tags=["prices"])
def estimate(
    caller: Caller,
    service: Service,
    instance: Words,
    hours: Annotated[str, QueryParameter(max_length=20, description="1.5 is an hour and a half")],
    region: str | None = None,
    provider: str | None = None,
    spot: bool = False,
    count: Annotated[int, QueryParameter(ge=1, le=1_000_000)] = 1,
) -> dict[str, Any]:
    """What machines will cost."""
    caller.need("read")
    job = plan_job(
        service.home,
        instance,
        decimal_of(hours),
        count=count,
        is_spot=spot,
        provider=provider,
        at_ns=time.time_ns(),
    )
    return estimate_json(job, fares(job, region))


@get("/charts/{name:str}", sync_to_thread=True, tags=["money"])
def get_chart(
    caller: Caller,
    service: Service,
    name: str,
    period: str | None = None,
    run: str | None = None,
    by: str | None = None,
    budget: str | None = None,
    theme: Literal["light", "dark"] = "light",
    width: Annotated[int, QueryParameter(ge=240, le=4000)] = 760,
    form: Annotated[Literal["svg", "png", "json"], QueryParameter(name="format")] = "svg",
) -> Response[Any]:
    """A chart as SVG, PNG or Vega-Lite; of one run for a caller of one team."""
    caller.need("read")
    if name not in CHARTS:
        raise NotFound(f"no chart {name!r}; there are {', '.join(CHARTS)}")
    if name not in OF_A_RUN or run is None:
        caller.need_all_teams("read")
    need_charts()
    from trainfare.reports.chart_file import png_of, spec_of, svg_of
    from trainfare.reports.chart_theme import THEMES, Look

    run_id = None if run is None else own_run(service, caller, run)
    question = Question(period=period, run=run_id, by=by, budget=budget)
    make: Any = {"svg": svg_of, "png": png_of, "json": spec_of}[form]
    made = service.answer(
        caller,
        ("chart", name, question, theme, width, form),
        lambda: make(draw(service.home, name, question, Look(THEMES[theme], width))),
    )
    kind = {"svg": "image/svg+xml", "png": "image/png", "json": "application/json"}[form]
    return Response(made, media_type=kind)


@get("/server", sync_to_thread=True, tags=["health"])
def show_server(caller: Caller, service: Service) -> dict[str, Any]:
    """What this server is and how many runs it knows."""
    caller.need("read")
    with service.ledger.look() as connection:
        counts = count_by_status(connection, Wanted(team=caller.team))
        changed_ns = newest_change_ns(connection)
    is_all = caller.team is None
    return {
        "version": version("trainfare"),
        "runs": {one.value: counts.get(one.value, 0) for one in Status},
        "bills_changed_at": format_instant(changed_ns) if changed_ns and is_all else None,
        "home": str(service.home) if is_all else None,
    }


ROUTES = [find_prices, show_price, estimate, get_chart, show_server]
"""For the application."""

"""The application: every route, behind one door, with one shape of errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.template import TemplateConfig

from trainfare.server import (
    advice_api,
    audit,
    bill_api,
    budget_api,
    claim_api,
    commitment_api,
    console,
    health,
    jobs,
    live_api,
    login,
    machines,
    me,
    metrics,
    pages,
    price_api,
    problem,
    report_api,
    run_api,
    tokens,
)
from trainfare.server.answer_form import describe_answers
from trainfare.server.door import OPEN, known_callers_only, provide_caller, provide_service
from trainfare.server.ingest_form import describe_ingest
from trainfare.server.page import make_engine
from trainfare.server.route_words import describe_routes
from trainfare.server.service import Service
from trainfare.server.tagged import Tagged

HERE = Path(__file__).parent
BODY_MAX = 2**20
"""A larger request is refused; what may be larger has a bound of its own on its route."""

API = [
    me.me,
    machines.machines,
    machines.clients,
    *run_api.ROUTES,
    *claim_api.ROUTES,
    *report_api.ROUTES,
    *bill_api.ROUTES,
    *budget_api.ROUTES,
    *advice_api.ROUTES,
    *commitment_api.ROUTES,
    *price_api.ROUTES,
    *live_api.ROUTES,
    *console.ROUTES,
    tokens.list_tokens,
    tokens.create_token,
    tokens.rotate_token,
    tokens.revoke_token,
    audit.read_audit,
    jobs.list_jobs,
    jobs.get_job,
    jobs.run_job,
    jobs.read_preview,
]
"""Handlers under /api/v1."""

PAGES = [
    login.show,
    login.sign_in,
    login.sign_out,
    login.leave,
    login.arrive,
    *pages.PAGES,
]
"""Handlers that answer a browser."""


def make_app(service: Service) -> Litestar:
    """The ASGI application of *service*, which is closed with it."""
    app = Litestar(
        route_handlers=[
            health.healthz,
            health.readyz,
            metrics.metrics,
            Router("/api/v1", route_handlers=API, middleware=[Tagged()]),
            Router("/", route_handlers=PAGES, include_in_schema=False),
            create_static_files_router(
                "/static", directories=[HERE / "static"], opt=OPEN, include_in_schema=False
            ),
        ],
        guards=[known_callers_only],
        dependencies={
            "caller": Provide(provide_caller, sync_to_thread=False),
            "service": Provide(provide_service, sync_to_thread=False),
        },
        exception_handlers=problem.HANDLERS,
        before_send=[audit.leave_line],
        openapi_config=OpenAPIConfig(
            title="Trainfare",
            version="1",
            render_plugins=[JsonRenderPlugin()],
            path="/schema",
        ),
        template_config=TemplateConfig(instance=make_engine()),
        request_max_body_size=BODY_MAX,
        state=State({"service": service}),
        on_startup=[_start],
        on_shutdown=[_close],
    )
    describe_routes(app)
    describe_answers(app)
    describe_ingest(app)
    return app


async def _start(app: Any) -> None:
    app.state.service.start()


def _close(app: Any) -> None:
    app.state.service.close()

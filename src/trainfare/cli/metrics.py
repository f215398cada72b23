"""``trainfare metrics``: what runs cost now, as Prometheus reads it, without a server."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from trainfare.cli.answer import format_option, say_json
from trainfare.core.errors import BadInput

if TYPE_CHECKING:
    from trainfare.flows.gauge import Gauge


@click.command("metrics")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Stay and answer scrapes here; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@format_option("prometheus", "json")
def command(port: int | None, host: str, form: str) -> None:
    """Print what the runs of this home cost now, as Prometheus reads it.

    With --port it stays and answers each scrape; without, a timer writes the file that node
    exporter's textfile collector reads.
    """
    from trainfare.flows.exposition import exposition, home_gauges
    from trainfare.metering.home import home_folder

    home = home_folder()
    if port is None:
        gauges = home_gauges(home)
        if form == "json":
            say_json({"gauges": [_document(one) for one in gauges]})
        else:
            click.echo(exposition(gauges), nl=False)
        return
    if form == "json":
        raise BadInput(
            "scrapes are answered as Prometheus reads them; leave --format or --port out"
        )
    with _Server((host, port), _handler(home)) as server:
        click.echo(f"Scrape http://{host}:{server.server_port}/metrics; Ctrl-C ends.")
        server.serve_forever()


class _Server(ThreadingHTTPServer):
    """One thread a scrape; many may knock at once."""

    request_queue_size = 256
    daemon_threads = True


def _document(gauge: Gauge) -> dict[str, Any]:
    """One gauge as JSON; values are text, as in Prometheus' own API."""
    points = [
        {"labels": dict(zip(gauge.labels, labels, strict=True)), "value": repr(value)}
        for labels, value in gauge.points
    ]
    return {"name": gauge.name, "about": gauge.about, "unit": gauge.unit, "points": points}


def _handler(home: Path) -> type[BaseHTTPRequestHandler]:
    """What answers scrapes of *home*."""
    from trainfare.flows.exposition import CONTENT_TYPE, exposition, home_gauges

    one_at_a_time = threading.Lock()

    class Scrapes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path != "/metrics":
                self.send_error(404)
                return
            with one_at_a_time:  # reading the home side by side is no quicker
                body = exposition(home_gauges(home)).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing of each scrape."""

    return Scrapes

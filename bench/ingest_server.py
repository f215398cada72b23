"""A server for ``bench.ingest``: the whole one, or its handler with nothing behind it.

    python -m bench.ingest_server HOME full|none

Neither settles lists of runs nor does jobs, which keep to their own share of the machine.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvicorn

from trainfare.flows.access import make_first_token
from trainfare.server.app import make_app
from trainfare.server.gate import Gate
from trainfare.server.ingest import Ingest
from trainfare.server.service import Service, Settings, _wake
from trainfare.server.serving import _listen, _spare_pauses
from trainfare.store.intake import Intake


class Stored(Service):
    """Takes in and mirrors, and does nothing else."""

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        decided = lambda group: loop.call_soon_threadsafe(_wake, group)  # noqa: E731
        self._intake = Intake(self.ledger, decided, self.mirror.take)
        self.mirror.start()

    def close(self) -> None:
        self._intake.close()
        self.mirror.close()
        self.ledger.close()


class Nowhere(Stored):
    """Says of everything at once that it is here, and keeps nothing."""

    def take_in(self, parcel) -> None:
        parcel.lengths = [one.start + len(one.data) for one in parcel.pieces]
        parcel.mark.set_result(None)


def main(home: str, kind: str) -> None:
    listener = _listen("127.0.0.1", 0)
    service = (Stored if kind == "full" else Nowhere)(Settings(Path(home)))
    print(listener.getsockname()[1], make_first_token(service.ledger), flush=True)
    app = Gate(Ingest(make_app(service), service), service)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    _spare_pauses()
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])

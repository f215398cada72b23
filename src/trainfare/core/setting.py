"""The environment variables that Trainfare reads, each with what it says.

They are the words of :data:`VARIABLES`; whoever reads one names it where it is read. A variable that
begins as ours do and is none of these is a slip of the pen, and ``trainfare doctor`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "TRAINFARE_"

VARIABLES = {
    "TRAINFARE_HOME": "Folder of all state: runs, bills, prices, budgets. Otherwise the platform's "
    "data folder (`~/.local/share/trainfare` on Linux); `--home` goes before it.",
    "TRAINFARE_SERVER": "URL of the team's server, as `https://fare.example.com`. Runs are shipped "
    "there, and commands that ask are answered from there.",
    "TRAINFARE_TOKEN": "The token that the server knows the caller by.",
    "TRAINFARE_DATABASE": "URL of the ledger, as `postgresql+psycopg://…`. Otherwise SQLite in the home.",
    "TRAINFARE_LAKE": "Where bills are kept, as `s3://bucket/prefix`, `gs://…` or `az://…`. Otherwise "
    "in the home.",
    "TRAINFARE_ENGINE": "What allocates: `duckdb`, `spark`, `spark://HOST:PORT` or "
    "`sc://HOST:PORT`; `--engine` and its sisters go before it. Otherwise `duckdb`.",
    "TRAINFARE_PRICE": "What the whole machine costs, as `3.6/h`, for runs that state no price of "
    "their own. A run with a stated price sets it for its child processes.",
    "TRAINFARE_RUN_ID": "The run that a process belongs to: one value on all ranks, restarts and steps "
    "makes them one run. A run sets it for its child processes.",
    "TRAINFARE_LABELS": "Labels of every run begun here, as `team=nlp,pipeline=nightly`; what the run "
    "says itself goes before them.",
    "TRAINFARE_METADATA": "`off` asks no cloud's metadata service about the machine.",
    "TRAINFARE_METADATA_URL": "Asks the metadata service at that URL instead of the link-local one.",
    "TRAINFARE_NETWORK_CLASS": "Where the bytes go that a run sends: `internet`, `inter_region`, "
    "`inter_zone` or `same_zone`; so network can be priced. Otherwise their class is unknown.",
    "TRAINFARE_CARBON_G_PER_KWH": "Grams of CO₂ equivalent per kilowatt-hour of the grid here; without "
    "it no carbon is told.",
    "TRAINFARE_CARBON_SOURCE": "Who says so and of when, as `Ember 2026-03`; stands beside the carbon.",
    "TRAINFARE_PUE": "Energy of the building out of that of its machines, at least 1. Otherwise none is added.",
    "TRAINFARE_DEBUG": "`1` prints where an unexpected error came from.",
}
"""Name → what it says, in Markdown."""

INNER = {
    "TRAINFARE_ONLY_TEAM": "A server sets it for a command that it runs for one team's token.",
    "TRAINFARE_COMPLETE": "A shell's completion script sets it, with an underscore before it.",
}
"""What Trainfare's own parts say to each other; not for people to set."""


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """Those of *names* that begin as ours do and are none → the nearest there is, if any is near.

    >>> unknown_variables(["PATH", "TRAINFARE_HOME", "TRAINFARE_LABLES"])
    {'TRAINFARE_LABLES': 'TRAINFARE_LABELS'}
    """
    from difflib import get_close_matches

    known = VARIABLES.keys() | INNER.keys()
    strange = sorted(name for name in names if name.startswith(PREFIX) and name not in known)
    return {
        name: next(iter(get_close_matches(name, VARIABLES, n=1, cutoff=0.8)), None)
        for name in strange
    }

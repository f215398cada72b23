"""Door: one thin file per training framework, loaded when it is named.

trainfare.integrations.transformers.TrainfareCallback(price="3.6/h")
"""

from __future__ import annotations

import importlib
import importlib.util


def __getattr__(name: str) -> object:
    """The door *name*; with a framework that is not installed, the error names it."""
    door = f"{__name__}.{name}"
    if name.startswith("_") or importlib.util.find_spec(door) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(door)

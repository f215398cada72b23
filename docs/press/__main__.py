"""Write the reference from the code: ``python -m docs.press [--check]``, from the root.

With ``--check`` nothing is written: it names the pages that are out of date, and exits 1 if any is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from docs.press import columns, commands, errors, metrics, python, routes, settings
from docs.press.page import FOLDER, ROOT

PAGES: dict[str, Callable[[], str]] = {
    "columns.md": columns.make,
    "commands.md": commands.make,
    "errors.md": errors.make,
    "metrics.md": metrics.make,
    "python.md": python.make,
    "routes.md": routes.make,
    "settings.md": settings.make,
}


def main(is_check: bool) -> int:
    """Write every page, or say which is not as the code is."""
    stale = 0
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(
            f"{path.relative_to(ROOT)} is {'out of date; make reference' if is_check else 'written'}"
        )
        if not is_check:
            path.write_text(text, encoding="utf-8")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))

"""Every error Trainfare raises on purpose, as one tree.

    TrainfareError
    ├── BadInput          the user's words, file or option are wrong          (exit 2)
    │   └── MissingExtra  a package for this command is not installed         (exit 2)
    ├── NotFound          a run, price, delivery … that must exist does not   (exit 2)
    ├── NotConserved      parts do not sum to the whole: our own law is broken (exit 1)
    ├── BudgetExceeded    the user's budget says stop                         (exit 1)
    └── OutsideFailed     a disk, network, database or provider failed        (exit 3)

A message has three parts: what is wrong, where (file, row, column, value), and what to do.
"""

from __future__ import annotations


class TrainfareError(Exception):
    """Any failure that Trainfare explains in one sentence; ``exit_code`` is what a command returns."""

    exit_code = 3


class BadInput(TrainfareError):
    """The user's words, file or option are wrong; nothing was stored."""

    exit_code = 2


class MissingExtra(BadInput):
    """A command needs packages that the core install leaves out."""

    def __init__(self, extra: str, purpose: str) -> None:
        """Say which extra to install for *purpose* ("read bills").

        >>> print(MissingExtra("analytics", "read bills"))
        to read bills, install the extra: pip install 'trainfare[analytics]'
        """
        super().__init__(f"to {purpose}, install the extra: pip install 'trainfare[{extra}]'")
        self.extra = extra


class NotFound(TrainfareError):
    """Something that must exist does not."""

    exit_code = 2


class NotConserved(TrainfareError):
    """Parts do not sum to their whole: one of Trainfare's own laws is broken."""

    exit_code = 1


class BudgetExceeded(TrainfareError):
    """The user's own budget says stop."""

    exit_code = 1


class OutsideFailed(TrainfareError):
    """A disk, network, database or provider outside Trainfare failed; try again later."""

    exit_code = 3

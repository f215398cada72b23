"""Trainfare: what every AI training run costs, live while it runs and exact when billed.

    import trainfare
    with trainfare.track(model="bert-base", team="nlp", price="3.6/h") as run:
        for epoch in run.epochs(range(3)):
            for batch in run.steps(loader):
                ...
    print(run.receipt())

Importing it is silent and light: the standard library only, no thread, no file, no network.
"""

from trainfare.core.errors import BadInput, BudgetExceeded, NotFound, TrainfareError
from trainfare.core.money import Money
from trainfare.metering.track import Run, track

__all__ = [
    "BadInput",
    "BudgetExceeded",
    "Money",
    "NotFound",
    "Run",
    "TrainfareError",
    "__version__",
    "receipt",
    "runs",
    "track",
]
__version__ = "0.1.0"


def receipt(run: str = "last") -> object:
    """The receipt of a run of this home: an id, the beginning of one, a name, or ``last``."""
    from trainfare.metering.history import find_run_id, read_receipt
    from trainfare.metering.home import home_folder

    return read_receipt(home_folder(), find_run_id(home_folder(), run))


def runs() -> list[object]:
    """The receipts of all runs of this home, oldest first."""
    from trainfare.metering.history import read_receipts
    from trainfare.metering.home import home_folder

    return list(read_receipts(home_folder()))

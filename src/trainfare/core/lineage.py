"""Lineage: which runs a run began from, and theirs, each once.

A finetuning begins from the result of a pretraining; what its model version costs is the sum over
both. Runs may have several parents (a merge), and lines may meet again: each run counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id


def check_parents(run: str, parents: Sequence[str]) -> None:
    """Refuse parents that are no run ids, or the run itself.

    Raises:
        BadInput: with the one that does not fit.
    """
    for parent in parents:
        if check_run_id(parent) == run:
            raise BadInput(f"run {run} names itself as its parent; name the run it began from")


PARENTS = (
    "runs name each other as parents in a circle: {circle}; "
    "record the one that began first without a parent"
)


def lineage(
    runs: Iterable[str], parents: Mapping[str, Sequence[str]], complaint: str = PARENTS
) -> tuple[str, ...]:
    """*runs* and everything that they began from, each once, parents before children.

    Args:
        runs: where to begin.
        parents: run → the runs it names as parents; one that is not there has none.
        complaint: what to say of a ``{circle}``.

    Raises:
        BadInput: runs name each other in a circle; the message walks it.

    >>> lineage(["d"], {"d": ["b", "c"], "b": ["a"], "c": ["a"]})
    ('a', 'b', 'c', 'd')
    """
    done: dict[str, None] = {}
    for run in runs:
        # A path of its own instead of recursion: a line of a thousand finetunings is no error.
        path: dict[str, list[str]] = {}
        _enter(run, parents, path, done, complaint)
        while path:
            last, left = next(reversed(path.items()))
            if left:
                _enter(left.pop(), parents, path, done, complaint)
            else:
                del path[last]
                done[last] = None
    return tuple(done)


def circling(parents: Mapping[str, Sequence[str]]) -> set[str]:
    """The runs that are on a circle of *parents*, or on a way from one circle to another.

    >>> sorted(circling({"a": ["b"], "b": ["a", "raw"], "c": ["b"]}))
    ['a', 'b']
    """
    left = {(run, parent) for run, names in parents.items() for parent in names}
    while True:
        children, elders = {run for run, _ in left}, {parent for _, parent in left}
        both = children & elders
        kept = {link for link in left if both.issuperset(link)}
        if kept == left:
            return both
        left = kept


def _enter(
    run: str,
    parents: Mapping[str, Sequence[str]],
    path: dict[str, list[str]],
    done: dict[str, None],
    complaint: str,
) -> None:
    if run in path:
        circle = [*list(path)[list(path).index(run) :], run]
        raise BadInput(complaint.format(circle=" → ".join(circle)))
    if run not in done:
        path[run] = list(reversed(parents.get(run, ())))

"""A home of two teams whose words are nowhere alike: what is zebra's must never reach okapi.

Everything that belongs to team zebra has the word in it: its runs, their labels, its budgets, its
tokens. So whatever an answer to somebody of okapi says, ``zebra in answer`` is a leak.
"""

from cli.commands import call
from flows.bills import hour, write_bill

OWN, FOREIGN = "okapi", "zebra"
DAYS = {OWN: 1, FOREIGN: 2}


def fill(home):
    """Runs, labels, budgets, an alert, claims and a bill of each team, allocated."""
    charges = []
    for team, day in DAYS.items():
        labels = [
            *("--team", team, "--model", f"{team}-model", "--experiment", f"{team}-quest"),
            *("--label", f"{team}-key={team}-word", "--name", f"{team}-name"),
        ]
        run = ["run", "--run-id", f"r-{team}", *labels, "--price", "3.6/h", "--quiet"]
        _do(home, *run, "--", "true")
        _do(home, "budget", "set", f"{team}-budget", "--limit", "5", "--scope", f"team={team}")
        over = [f"{team}-over", "--limit", "0.000000001"]  # even by a run of a millisecond
        _do(home, "budget", "set", *over, "--scope", f"team={team}")
        claims = home.parent / f"{team}-claims.csv"
        claims.write_text(
            "run,resource,start,end,share,label.team,label.model\n"
            f"c-{team},i-{team},2026-10-{day:02d}T00:00:00Z,2026-10-{day:02d}T04:00:00Z,1,"
            f"{team},{team}-model\n"
        )
        _do(home, "claims", "import", claims)
        charges += [hour(f"i-{team}", at, "2.50", day=day) for at in range(4)]
    _do(home, "bill", "import", write_bill(home.parent / "bill.csv", *charges))
    _do(home, "allocate")
    assert call(home, "alerts", "check").returncode in (0, 1)


def _do(home, *words):
    done = call(home, *words)
    assert done.returncode == 0, (words, done.stderr)

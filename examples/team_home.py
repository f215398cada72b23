"""Fill a home with a team's month, made up from a seed: runs, bills, charges, budgets, alerts.

python examples/team_home.py .team && trainfare --home .team serve
"""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from trainfare.prices.book import PriceBook
from trainfare.simulation.folder import write_world
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import make_world

HOME = Path(sys.argv[1] if len(sys.argv) > 1 else ".team")
RUNS = int(os.environ.get("TRAINFARE_TEAM_RUNS", "420"))
BUDGETS = (
    ("all-teams", "90000", "", "estimated"),
    ("language", "24000", "team=language", "estimated"),
    ("vision", "18000", "team=vision", "estimated"),
    ("speech-try", "2500", "team=speech and experiment=scaling", "estimated"),
)


def trainfare(*words: object) -> None:
    """Run one command on the home; its answer is not needed."""
    command = [sys.executable, "-m", "trainfare", "--home", str(HOME), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    print("$", shlex.join(["trainfare", "--home", str(HOME), *map(str, words)]))
    if done.returncode > 1:
        sys.exit(done.stderr)


def main() -> None:
    """The present month until yesterday, or the last one where this one is too young."""
    today = time.gmtime()
    month, days = time.strftime("%Y-%m", today), today.tm_mday - 1
    if days < 2:
        last = time.gmtime(time.time() - 86_400 * (today.tm_mday + 1))
        month, days = time.strftime("%Y-%m", last), 28
    world = make_world(11, runs=RUNS, days=days, teams=4, machines=2, period=month)
    HOME.mkdir(parents=True)
    places = write_world(world, HOME / "files", bills="focus-1.2")
    (HOME / "rules.toml").write_text(world.rules)
    print(write_records(world, HOME, PriceBook(HOME).machine_price, is_detailed=True), "records")
    trainfare("bill", "import", *places)
    trainfare("claims", "import", "--from", "dcgm", HOME / "files" / "claims" / "dcgm.prom.gz")
    trainfare("allocate")
    for name, limit, scope, view in BUDGETS:
        words = ["--limit", limit, "--period", "month", "--view", view]
        trainfare("budget", "set", name, *words, *(["--scope", scope] if scope else []))
    trainfare("alerts", "check")


if __name__ == "__main__":
    main()

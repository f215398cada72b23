"""``make demo``: a real training metered on this machine, then a company's month that is made up."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

from trainfare.cli.main import main as command_line

ROOT = Path(__file__).parent
HOME = Path(os.path.relpath(os.environ.get("TRAINFARE_DEMO_FOLDER", ROOT.parent / ".demo")))
SECONDS = os.environ.get("TRAINFARE_DEMO_SECONDS", "20")
PRICE = "3.6"  # dollars an hour for the whole machine: a tenth of a cent a second
PYTHON = Path(os.path.relpath(sys.executable))
COMMAND = PYTHON.with_name("trainfare")  # commands are shown as they can be copied
AT_HOME = f"{COMMAND} --home {HOME}"
SIZE = ("--runs", "150", "--days", "7", "--teams", "5")


def trainfare(*words: str) -> str:
    """What a trainfare command prints, in this process: it takes a second less."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            command_line(list(words))
        except SystemExit as ended:
            if ended.code:
                raise
    return said.getvalue()


def training() -> None:
    """Meter a real training, print its receipt, and check it by hand."""
    script = [sys.executable, str(ROOT / "train_numpy.py")]
    shown = f"{PYTHON} {os.path.relpath(script[1])}"
    print(f"$ {AT_HOME} run --price {PRICE}/h -- {shown}\n", flush=True)
    run = ["run", "--quiet", "--price", f"{PRICE}/h", "--receipt", str(HOME / "receipt.json")]
    subprocess.run([sys.executable, "-m", "trainfare", *run, "--", *script], check=True)
    print(f"\n$ {AT_HOME} receipt\n\n{trainfare('receipt')}")
    receipt = json.loads((HOME / "receipt.json").read_text())
    machine = sum(Fraction(receipt["estimated"]["components"][c]) for c in ("compute", "data"))
    by_hand = Fraction(PRICE) / 3600 * Fraction(str(receipt["duration_seconds"]))
    print(f"By hand: {receipt['duration_seconds']} s × ${PRICE}/3600 s = ${float(by_hand):.9f};")
    print(f"the receipt's compute and data say ${float(machine):.9f}.")
    if abs(machine - by_hand) > Fraction(2, 10**9):
        sys.exit(f"The receipt is off by ${float(abs(machine - by_hand)):.9f}.")


def company() -> None:
    """Make up a month, bring it in, and show who has what of the bill and what to do about it."""
    folder = HOME / "company"
    print("\nThat was one training. Now a company whose month is made up: four providers,")
    print("a Slurm cluster, Kubernetes and SageMaker.\n")
    print(f"$ {COMMAND} simulate {folder} {' '.join(SIZE)}\n", flush=True)
    kept = HOME / "company.json"
    if not kept.exists():
        kept.write_text(trainfare("simulate", str(folder), *SIZE, "--format", "json"))
        shutil.copytree(folder / "home", HOME, dirs_exist_ok=True)
    made = json.loads(kept.read_text())
    totals = " and ".join(f"{float(v):,.2f} {unit}" for unit, v in made["billed"].items())
    print(
        f"{made['runs']} runs; {totals} billed for {made['period']}, in {made['deliveries']} files:"
    )
    print("some replace earlier ones, and corrections come with the bill of the next month.")
    found = f'PATH="$PWD/{PYTHON.parent}:$PATH"'
    print(f"\n$ {found} sh {folder}/import.sh       # bills and records, allocated, proved\n")
    report = ("report", "--by", "team", "--period", made["period"])
    for step in made["steps"]:
        last = trainfare(*step)
    print(last.splitlines()[-1])
    print("\nThe report sums to the effective cost, which spreads what was paid ahead for")
    print("commitments over the time that it is for; so it is not the sum that was billed.")
    print(f"\n$ {AT_HOME} {' '.join(report)}\n")
    print(trainfare(*report).partition("\n\nNo known owner")[0])
    advice = json.loads(trainfare("advise", "--format", "json"))["recommendations"]
    print(f"\n$ {AT_HOME} advise show {advice[0]['id']}       # the first of {len(advice)}\n")
    print(trainfare("advise", "show", advice[0]["id"]))


def main() -> None:
    """Both, in one home."""
    HOME.mkdir(parents=True, exist_ok=True)
    home = HOME.resolve()
    os.environ |= {"TRAINFARE_HOME": str(home), "TRAINFARE_DEMO_FOLDER": str(home)}
    os.environ |= {"TRAINFARE_DEMO_SECONDS": SECONDS, "COLUMNS": "80"}
    training()
    company()
    print(f"\nLook around:\n\n$ {AT_HOME} serve\n")
    print("and open http://127.0.0.1:8642 with the token that it prints once.")
    print(f"All of it is kept under {HOME}; take it away with: make clean")


if __name__ == "__main__":
    main()

"""``make demo``: meter a real training on this machine, print its receipt, check it by hand."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).parent
HOME = Path(os.environ.get("TRAINFARE_DEMO_FOLDER", ROOT.parent / ".demo"))
PRICE = "3.6"  # dollars an hour for the whole machine: a tenth of a cent a second


def trainfare(*words: str) -> str:
    """What a trainfare command prints."""
    command = [sys.executable, "-m", "trainfare", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    os.environ.update(TRAINFARE_HOME=str(HOME), TRAINFARE_DEMO_FOLDER=str(HOME))
    script = [sys.executable, str(ROOT / "train_numpy.py")]
    print(f"$ trainfare run --price {PRICE}/h -- python examples/train_numpy.py\n", flush=True)
    run = ["run", "--quiet", "--price", f"{PRICE}/h", "--receipt", str(HOME / "receipt.json")]
    subprocess.run([sys.executable, "-m", "trainfare", *run, "--", *script], check=True)
    print(f"\n$ trainfare receipt\n\n{trainfare('receipt')}")
    receipt = json.loads((HOME / "receipt.json").read_text())
    machine = sum(Fraction(receipt["estimated"]["components"][c]) for c in ("compute", "data"))
    by_hand = Fraction(PRICE) / 3600 * Fraction(str(receipt["duration_seconds"]))
    off = abs(machine - by_hand)
    print(f"By hand: {receipt['duration_seconds']} s × ${PRICE}/3600 s = ${float(by_hand):.9f};")
    print(f"the receipt's compute and data say ${float(machine):.9f}.")
    if off > Fraction(2, 10**9):
        sys.exit(f"The receipt is off by ${float(off):.9f}.")
    print(f"\n$ trainfare runs\n\n{trainfare('runs')}")
    print(f"All of it is kept under {HOME}; next: trainfare --home {HOME} show last")


if __name__ == "__main__":
    main()

"""Runs made up for the finders: eight H100 for ten hours, nothing wrong with them."""

from fractions import Fraction

from trainfare.advice.trip import Trip
from trainfare.core.money import Money
from trainfare.core.recommendation import run_slot
from trainfare.core.stage import Status

PERIOD = "2026-10"


def trip(run="r-1", **facts):
    """A clean run; *facts* plant what is wrong."""
    price = Fraction(facts.pop("price", 50))
    stages = facts.pop("stages", {"setup": 0.05, "train": 9.5, "eval": 0.35, "checkpoint": 0.1})
    machines = facts.get("machines", 1)
    stages = {stage: hours * machines for stage, hours in stages.items()}
    hours = sum(stages.values()) / machines
    share = Fraction(facts.get("share", 1))
    paid = Money.nearest(price * share * Fraction(str(round(hours * machines, 6))))
    clean = {
        "family": "model=llm",
        "status": Status.FINISHED,
        "currency": "USD",
        "paid": {run_slot(run, PERIOD): paid},
        "hours": hours,
        "machines": machines,
        "devices": 8 * machines,
        "accelerator": "H100",
        "device_gb": 80.0,
        "provider": "aws",
        "region": "us-east-1",
        "instance": "p5.48xlarge",
        "option": "on_demand",
        "price_per_hour": price,
        "machine_cpus": 192,
        "steps": 10_000,
        "epochs": 10,
        "stage_hours": stages,
        "wait_hours": 0.1,
        "checkpoints": 5,
        "evaluations": 10,
        "dtype": "bf16",
        "mfu": 0.42,
        "memory_gb": 70.0,
        "active": 0.97,
        "cpu_hours": 900.0,
        "host_gb": 900.0,
        "read_bytes": 2 * 2**40,
    }
    return Trip(run=run, **{**clean, **facts})


def fleet(count=8, **facts):
    """So many of them."""
    return [trip(f"r-{n}", **facts) for n in range(count)]

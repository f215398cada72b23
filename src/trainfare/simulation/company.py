"""Companies: teams with their models and experiments, and the runs that they mean to do."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from trainfare.simulation.fleet import Tags, Venue

TEAMS = ("language", "vision", "speech", "search", "robotics", "forecast", "biology", "games")
_MODELS = ("atlas", "birch", "comet", "delta", "ember", "flint", "grove", "heron", "iris", "jade")
_EXPERIMENTS = ("baseline", "scaling", "lr-sweep", "ablation", "distill", "long-context")

_SECONDS = ((10, (20, 300)), (30, (600, 5400)), (40, (3600, 8 * 3600)), (20, (28_800, 130_000)))
"""Weight → shortest and longest: crashes at the start, tries, usual runs, long ones."""

_VENUES = {
    Venue.POOL: 20,
    Venue.SLURM: 25,
    Venue.DEDICATED: 15,
    Venue.MANAGED: 10,
    Venue.AZURE: 12,
    Venue.KUBERNETES: 13,
    Venue.RENTED: 5,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that a team means to do."""

    id: str
    labels: Tags
    user: str
    venue: Venue
    seconds: int
    """Of work, over all attempts."""
    attempts: int
    nodes: int
    gpus: int
    """On each node; no more than the node has."""


def make_plans(rng: Random, runs: int, teams: int, longest_seconds: int) -> list[Plan]:
    """What *teams* teams plan: *runs* runs, none longer than *longest_seconds*.

    Every venue is wanted by some run as soon as there are as many runs as venues.
    """
    venues = list(_VENUES)
    return [
        _plan(
            rng,
            number,
            teams,
            longest_seconds,
            venues[number]
            if number < len(venues)
            else rng.choices(venues, list(_VENUES.values()))[0],
        )
        for number in range(runs)
    ]


def _plan(rng: Random, number: int, teams: int, longest_seconds: int, venue: Venue) -> Plan:
    team_number = rng.randrange(teams)
    team = TEAMS[team_number % len(TEAMS)]
    if team_number >= len(TEAMS):
        team += f"-{team_number // len(TEAMS) + 1}"
    model = _MODELS[(team_number * 3 + rng.randrange(3)) % len(_MODELS)]
    experiment = rng.choice(_EXPERIMENTS)
    shortest, longest = rng.choices([s for _, s in _SECONDS], [w for w, _ in _SECONDS])[0]
    seconds = min(rng.randrange(shortest, longest), longest_seconds)
    is_preempted = seconds > 1800 and rng.random() < 0.25
    is_wide = venue in (Venue.SLURM, Venue.MANAGED) and rng.random() < 0.2
    return Plan(
        id=f"{team}-{model}-{number + 1:04d}",
        labels=(("experiment", experiment), ("model", model), ("team", team)),
        user=f"{team}{rng.randrange(1, 4)}",
        venue=venue,
        seconds=seconds,
        attempts=rng.choice((2, 2, 3)) if is_preempted else 1,
        nodes=2 if is_wide else 1,
        gpus=8 if is_wide else rng.choice((1, 2, 4, 4, 8, 8)),
    )

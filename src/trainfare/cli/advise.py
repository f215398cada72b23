"""``trainfare advise``: what to do cheaper, held against the own history, and what came of it."""

from __future__ import annotations

import gc
import re
import time
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, say, say_json, table, width
from trainfare.cli.columns import fill
from trainfare.core.decision import Verdict
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, format_instant, name_periods, parse_instant
from trainfare.core.plain import percent, plain, plural, shorten, shorten_middle
from trainfare.core.recommendation import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainfare.core.recommendation import Advice
    from trainfare.flows.advise import Advised
    from trainfare.flows.decisions import Decided

SHOWN = 20
"""So many recommendations are shown, the largest."""

WIDE = 110
"""From so many columns on a line has all that there is."""

NOT_SHOWN = 5
"""So many of those not recommended are shown."""

HEADS = ("run", "resource", "uri", "error")
"""What the items of a list of evidence are about, the first that they have."""

_AMOUNT = re.compile(r"-?\d+\.\d{9}")
"""How evidence writes money."""


@click.group("advise", invoke_without_command=True)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([one.value for one in Kind]),
    help="Only this kind; repeat it for more.",
)
@format_option("table", "json")
@click.pass_context
def command(context: click.Context, kinds: tuple[str, ...], form: str) -> None:
    """Recommend what to do cheaper: saving per month, evidence, and how it was checked.

    Every dollar is claimed by one recommendation only, so savings add up.
    """
    if context.invoked_subcommand is not None:
        return
    from trainfare.flows.advice_json import advised_json
    from trainfare.flows.advise import advise
    from trainfare.metering.home import home_folder

    gc.disable()  # a year of runs is millions of objects, and none of them goes before the answer
    try:
        found = advise(home_folder(), map(Kind, kinds))
    finally:
        gc.enable()
    if form == "json":
        say_json(advised_json(found))
    else:
        _show(found)


@command.command("show")
@click.argument("advice")
@format_option("table", "json")
def show(advice: str, form: str) -> None:
    """Everything about the recommendation ADVICE: evidence, method, assumptions, risk."""
    from trainfare.flows.advice_json import advice_json
    from trainfare.flows.decisions import find_advice
    from trainfare.metering.home import home_folder

    one = find_advice(home_folder(), advice)
    if form == "json":
        say_json(advice_json(one))
    else:
        _show_one(one)


@command.command("accept")
@click.argument("advice")
@click.option("--reason", default="", help="What is done about it, in your words.")
@format_option("table", "json")
def accept(advice: str, reason: str, form: str) -> None:
    """Note that ADVICE is done; what it saves is measured on later bills."""
    _decide(advice, Verdict.ACCEPTED, reason, None, form)


@command.command("dismiss")
@click.argument("advice")
@click.option("--reason", required=True, help="Why it is not done.")
@format_option("table", "json")
def dismiss(advice: str, reason: str, form: str) -> None:
    """Note that ADVICE is not done; its dollars are free for other advice."""
    _decide(advice, Verdict.DISMISSED, reason, None, form)


@command.command("snooze")
@click.argument("advice")
@click.option("--days", type=click.IntRange(1, 3650), help="Tell it again after so many days.")
@click.option("--until", help="Tell it again from then on (RFC 3339).")
@click.option("--reason", default="", help="Why not now.")
@format_option("table", "json")
def snooze(advice: str, days: int | None, until: str | None, reason: str, form: str) -> None:
    """Do not tell ADVICE for some time."""
    if (days is None) == (until is None):
        raise BadInput("say for how long: either --days or --until")
    until_ns = time.time_ns() + (days or 0) * DAY if until is None else parse_instant(until)
    _decide(advice, Verdict.SNOOZED, reason, until_ns, form)


@command.command("reopen")
@click.argument("advice")
@click.option("--reason", default="", help="Why.")
@format_option("table", "json")
def reopen(advice: str, reason: str, form: str) -> None:
    """Take back what was decided on ADVICE."""
    _decide(advice, Verdict.REOPENED, reason, None, form)


@command.command("decided")
@format_option("table", "json")
def decided(form: str) -> None:
    """What was decided, and what it saved since: the promise beside the bill."""
    from trainfare.flows.advice_json import decided_json
    from trainfare.flows.decisions import decided as read_decided
    from trainfare.metering.home import home_folder

    found = read_decided(home_folder())
    if form == "json":
        say_json({"decided": [decided_json(one) for one in found]})
    elif not found:
        click.echo("Nothing was decided yet: trainfare advise accept|dismiss|snooze ID")
    else:
        rows = [_decided_row(one) for one in found]
        click.echo(table(["id", "verdict", "promised", "saved", "what"], rows, right=[2, 3]))


def _decide(advice: str, verdict: Verdict, reason: str, until_ns: int | None, form: str) -> None:
    from trainfare.flows.advice_json import decided_json
    from trainfare.flows.decisions import Decided, decide_on
    from trainfare.metering.home import home_folder

    one = decide_on(home_folder(), advice, verdict, reason=reason, until_ns=until_ns)
    if form == "json":
        say_json(decided_json(Decided(one, None)))
    else:
        say(f"{one.advice} is {one.verdict}: {plain(one.title)}")


def _decided_row(one: Decided) -> list[str]:
    said, realized = one.decision, one.realized
    saved = "–"
    if realized is not None:
        saved = "?" if realized.per_month is None else realized.per_month.display(2)
    note = said.reason or (realized.why if realized else "")
    what = f"{said.title}{f' ({note})' if note else ''}"
    verdict = said.verdict.value
    if said.until_ns is not None:
        verdict += f" until {format_instant(said.until_ns)[:10]}"
    return [said.advice, verdict, said.saving.display(2), saved, plain(what)]


def _show(found: Advised) -> None:
    book = "the bill" if found.book == "billed" else "estimates"
    say(f"From {book} of {name_periods(found.periods)}, per month:")
    click.echo()
    if not found.advice:
        click.echo("Nothing to save was found.")
    else:
        click.echo(_listed(found.advice[:SHOWN]))
        if rest := found.advice[SHOWN:]:
            click.echo(f"and {len(rest):,} more worth {_worth(rest)} in all; --format json")
        click.echo()
        say(f"Together: {_worth(found.advice)} a month; savings add up.")
        click.echo(fill(f"That is part of {_base(found)}.", width()))
    if found.not_advised:
        click.echo(f"\nLooked at and not recommended: {plural(len(found.not_advised), 'thing')}")
        for one in found.not_advised[:NOT_SHOWN]:
            _say_fact(one.kind, f"{shorten(one.subject, 40)}: {one.why}")
    if found.not_allocated:
        listed = ", ".join(found.not_allocated)
        click.echo()
        say(f"Not in it: {listed}; run trainfare allocate.")


def _base(found: Advised) -> str:
    """What savings are a part of."""
    paid = " and ".join(one.display(2) for one in found.paid_per_month.values())
    what = "the whole bill, tax and credits in it"
    if found.book != "billed":
        what = "what was estimated, before tax"
    elif found.only_corrected:
        what += f", with what {', '.join(found.only_corrected)} only corrected"
    return f"{paid} a month: {what}"


def _listed(advice: Sequence[Advice]) -> str:
    """Figures and below them what to do, whole; a wide terminal has room for the interval."""
    is_wide = width() >= WIDE
    ends = ["from", "to"] if is_wide else []
    head = ["id", "saving", *ends, "of its cost", "sure", "effort"]
    rows = [_row(one, is_wide=is_wide) for one in advice]
    first, *lines = table(head, rows, right=range(1, len(head) - 2)).splitlines()
    told = [fill(plain(one.recommendation.title), width(), "    ") for one in advice]
    return "\n".join([first, *(f"{line}\n{text}" for line, text in zip(lines, told, strict=True))])


def _row(one: Advice, *, is_wide: bool) -> list[str]:
    made = one.recommendation
    ends = [one.saving_low.display(2), one.saving_high.display(2)] if is_wide else []
    saving = click.style(one.saving.display(2), bold=True)
    return [made.id, saving, *ends, _share(one), made.confidence.value, made.effort.value]


def _worth(advice: Sequence[Advice]) -> str:
    """What they save together, in each currency."""
    sums: dict[str, Money] = {}
    for one in advice:
        known = sums.get(one.saving.currency, Money.zero(one.saving.currency))
        sums[one.saving.currency] = known + one.saving
    return " and ".join(amount.display(2) for amount in sums.values())


def _share(one: Advice) -> str:
    return "?" if one.share is None else percent(one.share, 0)


def _show_one(one: Advice) -> None:
    made = one.recommendation
    interval = f"{one.saving_low.display(2)} to {one.saving_high.display(2)}"
    facts = [
        ("what to do", made.action),
        ("saving", f"{one.saving.display(2)} a month ({interval}), {_share(one)} of what it costs"),
        ("sure", f"{made.confidence}, {made.effort} effort"),
        ("risk", made.risk or "none known"),
        ("method", made.method),
        *(("assumes", text) for text in made.assumptions),
        ("checked", made.checked),
    ]
    click.echo(click.style(plain(made.title), bold=True))
    for name, text in facts:
        _say_fact(name, plain(text))
    for name, value in made.evidence.items():
        is_day = name.endswith("_by_hour_of_day")
        if text := _day(value) if is_day else _evidence(value, made.currency):
            _say_fact(name.replace("_", " "), text)


def _say_fact(name: str, text: str) -> None:
    """A name and what is to be said of it, in lines as wide as the terminal; long ids lose their middle."""
    text = " ".join(shorten_middle(word, width() - 14) for word in text.split())
    first = f"  {name:<11} " if len(name) <= 11 else f"  {name}: "
    click.echo(fill(text, width(), first, " " * 14))


def _evidence(value: object, currency: str) -> str:
    """A value of the evidence in words: amounts to the cent, figures rounded, each by its name."""
    if isinstance(value, list | tuple):
        return "; ".join(_item(item, currency) for item in value)
    if isinstance(value, dict):
        each = {name: _evidence(item, currency) for name, item in value.items()}
        is_nested = any(isinstance(item, dict) for item in value.values())
        parts = [f"{str(name).replace('_', ' ')} {text}" for name, text in each.items()]
        return ("; " if is_nested else ", ").join(parts)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    text = "unknown" if value is None else str(value)
    return Money.parse(text, currency).display(2) if _AMOUNT.fullmatch(text) else plain(text)


def _day(hours: Sequence[float]) -> str:
    """24 figures, one per hour of the day, as the sums of its quarters.

    >>> _day([1.0] * 6 + [0.0] * 12 + [0.25] * 6)
    '0 to 6 h 6, 6 to 12 h 0, 12 to 18 h 0, 18 to 24 h 1.5 (UTC)'
    """
    parts = [f"{n} to {n + 6} h {sum(hours[n : n + 6]):,.4g}" for n in range(0, 24, 6)]
    return f"{', '.join(parts)} (UTC)"


def _item(value: object, currency: str) -> str:
    """One of a list: what it is about, and behind it in brackets what is said of it."""
    if not isinstance(value, dict):
        return _evidence(value, currency)
    known = {key: item for key, item in value.items() if item is not None}
    head = next((key for key in HEADS if key in known), None)
    if head is None:
        return _evidence(known, currency)
    rest = {key: item for key, item in known.items() if key != head}
    about = plain(str(known[head]))
    return f"{about} ({_evidence(rest, currency)})" if rest else about

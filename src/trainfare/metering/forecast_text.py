"""Forecasts in words, the same on the live screen, on receipts and in lists."""

from __future__ import annotations

from trainfare.core.forecast import Forecast, Method
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import percent


def forecast_sentence(forecast: Forecast) -> str:
    """The whole forecast in one line, or why there is none.

    ``$12.40 (11.90–13.10, 90 %), ends 14:32 UTC, from 3 earlier runs of this configuration``
    """
    total = forecast.total
    words = forecast_words(forecast)
    if total is None:
        return words
    return f"{total.display()} {words}" if words.startswith("(") else f"{total.display()}, {words}"


def forecast_words(forecast: Forecast) -> str:
    """How sure a forecast is, when the run ends, and what that is taken from; else why not."""
    if forecast.ends_at_ns is None:
        return "; ".join(filter(None, (forecast.why, _budget_words(forecast))))
    parts = [f"ends {_clock_text(forecast.ends_at_ns, forecast.at_ns)}", basis_words(forecast)]
    if forecast.low is not None and forecast.high is not None and forecast.coverage is not None:
        low, high = _bare(forecast.low), _bare(forecast.high)
        parts = [f"({low}–{high}, {round(forecast.coverage * 100)} %)", *parts]
    return ", ".join([*parts, *filter(None, [_budget_words(forecast)])])


def _budget_words(forecast: Forecast) -> str:
    """How long the run's budget lasts where it may not last to the end; else nothing."""
    limit, used_up_ns = forecast.budget_limit, forecast.budget_used_up_ns
    if limit is None or used_up_ns is None:
        return ""
    name = f"budget {forecast.budget_id} ({limit.display()})"
    if forecast.ends_at_ns is None:
        return f"{name} lasts until {_clock_text(used_up_ns, forecast.at_ns)}"
    chance = forecast.breach_probability(limit)
    return f"{percent(chance, 0)} likely over {name}" if chance else ""


def basis_words(forecast: Forecast) -> str:
    """What a forecast is taken from, in words."""
    if forecast.method is Method.PROFILE:
        count = "an earlier run" if forecast.runs == 1 else f"{forecast.runs} earlier runs"
        return f"from {count} of this configuration"
    return {
        Method.LAST_QUARTER: "from its latest speed",
        Method.SINCE_CHANGE: "from its speed since that changed",
    }.get(forecast.method or Method.AFTER_WARM_UP, "from its mean speed")


def _clock_text(at_ns: int, now_ns: int) -> str:
    """A time of today by the clock, of another day with its date."""
    text, today = (format_instant(one // SECOND * SECOND) for one in (at_ns, now_ns))
    return f"{text[11:16]} UTC" if text[:10] == today[:10] else f"{text[:10]} {text[11:16]} UTC"


def _bare(amount: Money) -> str:
    """An amount without its currency, which stands beside it."""
    return amount.display().lstrip("$€£¥").removesuffix(f" {amount.currency}")

"""Forecasts in words, the same on the live screen, on receipts and in lists."""

from __future__ import annotations

from trainfare.core.forecast import Forecast, Method
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant


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
        return forecast.why
    parts = [f"ends {_clock_text(forecast.ends_at_ns, forecast.at_ns)}", basis_words(forecast)]
    if forecast.low is not None and forecast.high is not None and forecast.coverage is not None:
        low, high = _bare(forecast.low), _bare(forecast.high)
        parts = [f"({low}–{high}, {round(forecast.coverage * 100)} %)", *parts]
    return ", ".join(parts)


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

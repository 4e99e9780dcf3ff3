"""Rates and shares as people say them."""

from math import ceil, floor, log10

from server.web.translations import Translator

_NEVER = 1e-9
_COMMON = 0.1  # above it `1 in 3` is too coarse a word


def one_in(t: Translator, rate: float) -> str:
    """`1 in 10,000` for 1e-4; `0` for what was not seen at all."""
    if rate < _NEVER:
        return "0"
    return t("layout.one_in", count=f"{round(1 / rate):,}")


def upper_end(t: Translator, rate: float) -> str:
    """The same for an upper end, never rarer than it is; `62 %` for 0.62."""
    if rate > _COMMON:
        return f"{ceil(round(rate * 100, 6))} %"
    return t("layout.one_in", count=f"{floor(1 / max(rate, _NEVER)):,}")


def percent(share: float) -> str:
    """A share with as many digits as it deserves: `0.4 %`, `12 %`."""
    value = share * 100
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %"


def percents(*shares: float) -> tuple[str, ...]:
    """Shares with the same number of digits, enough for the largest: `0.2 %`, `0.1 %`, `0.7 %`."""
    largest = max(shares) * 100
    digits = 1 if largest >= 0.1 else 1 + ceil(-log10(max(largest, _NEVER)))
    return tuple(f"{share * 100:.{digits}f} %" for share in shares)


def percent_range(low: float, high: float) -> str:
    """Two percentages: `9 %`, or `0.5-2 %` where they differ."""
    ends = [f"{value:g}" for value in dict.fromkeys((low, high))]
    return f"{'-'.join(ends)} %"

"""Shares of people and of strangers in words, never smaller than they are."""

from math import ceil, floor, log10

from server.web.translations import Translator

_SMALL = 0.01


def up_to(t: Translator, share: float) -> str:
    """`3 in 100` for 0.027, `1 in 400` for 0.0024: an upper end, never rarer than it is.

    Args:
        t: the reader's translator.
        share: 0 to 1, above 0.
    """
    if share >= _SMALL:
        return t("accuracy.in_hundred", count=ceil(round(share * 100, 6)))
    seldom = 1 / share
    unit = 10 ** max(floor(log10(seldom)), 0)
    return t("layout.one_in", count=f"{floor(round(seldom / unit, 6)) * unit:,}")


def in_hundred(t: Translator, share: float) -> str:
    """`about 5 in 100` for 0.052, `fewer than 1 in 100` below half of one.

    Args:
        t: the reader's translator.
        share: 0 to 1.
    """
    count = round(share * 100)
    key = "accuracy.about_in_hundred" if count else "accuracy.under_one_in_hundred"
    return t(key, count=count)

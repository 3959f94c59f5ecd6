"""Writes numbers with as many digits as their uncertainty allows."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"

THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


def decimals(half_width: float) -> int:
    """Returns the decimal places that show two significant digits of an uncertainty, from 0 to 8;
    3 where it is zero, negative or not finite.

    >>> decimals(0.42), decimals(0.0042), decimals(420.0)
    (2, 4, 0)
    """
    if half_width <= 0 or not math.isfinite(half_width):
        return 3
    return min(8, max(0, 1 - math.floor(math.log10(half_width))))


def number(value: float, places: int | None = None, signed: bool = False) -> str:
    """Writes a value with `places` decimals (with four significant digits where None), a true minus
    sign, and a narrow space between thousands, since a comma separates the ends of intervals.

    >>> number(-0.1234, 2), number(0.21, 2, signed=True), ascii(number(12345.6789))
    ('−0.12', '+0.21', "'12\\\\u202f346'")
    """
    if not math.isfinite(value):
        return str(value).replace("-", MINUS).replace("inf", "∞")
    if places is None:
        places = min(8, max(0, 3 - math.floor(math.log10(abs(value))))) if value else 0
    text = f"{value:{'+' if signed else ''},.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS).replace(",", THIN_SPACE)


def interval(low: float, high: float, places: int | None = None) -> str:
    """Writes `[low, high]`; by default with two significant digits of half its width."""
    if places is None:
        places = decimals((high - low) / 2)
    return f"[{number(low, places)}, {number(high, places)}]"


def percent(share: float) -> str:
    """Writes a share such as 0.9875 as `98.8 %`."""
    return f"{100 * share:.3g} %"

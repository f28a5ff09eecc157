"""Student's t: how many standard errors are evidence enough, when the error itself is estimated from few runs."""

import math
from functools import lru_cache
from typing import Final

_MANY: Final = 10_000
"""With so many degrees of freedom it is the normal distribution."""
_TINY: Final = 1e-300


@lru_cache(maxsize=1024)  # the groups of a check mostly have as many runs
def quantile(n_sigma: float, df: int) -> float:
    """So many standard errors, estimated with `df` degrees of freedom, are exceeded by chance as seldom as `n_sigma` known ones."""
    wanted = math.erfc(n_sigma / math.sqrt(2)) / 2
    if df >= _MANY or not wanted:
        return n_sigma
    low = high = max(n_sigma, 1e-9)
    while tail(high, df) > wanted:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, df) > wanted else (low, middle)
    return high


def tail(t: float, df: int) -> float:
    """The probability that Student's t with `df` degrees of freedom is above `t`, which is at least 0."""
    a, b, x = df / 2, 0.5, df / (df + t * t)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) if 0 < x < 1 else -math.inf
    if x >= 1:
        return 0.5
    front = math.exp(log)
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a / 2
    return (1 - front * _fraction(b, a, 1 - x) / b) / 2


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _away(1 + term * d), _away(1 + term / c)
            value *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return value


def _away(value: float) -> float:
    """Not 0, by which one cannot divide."""
    return value if abs(value) > _TINY else _TINY

"""A series of times as the figures that result files give."""

from collections.abc import Sequence

import numpy as np

PERCENTILES = (5, 50, 90, 95, 99)


def summarise_ms(times_ns: Sequence[int]) -> dict[str, float]:
    """Count, first, last, min, max, mean, deviation and percentiles of at least one time, in milliseconds.

    The deviation is the population's and a percentile is the upper nearest rank, `sorted[int(n * p / 100)]`: the
    definitions of LiteRT's benchmark tool, so that both runtimes' figures mean the same.
    """
    times = np.asarray(times_ns, dtype=np.float64) / 1e6
    ranked = np.sort(times)
    figures = {
        "first": times[0],
        "last": times[-1],
        "min": ranked[0],
        "max": ranked[-1],
        "mean": times.mean(),
        "std": times.std(),
        **{f"p{share}": ranked[len(ranked) * share // 100] for share in PERCENTILES},
    }
    return {"count": len(times), **{name: float(value) for name, value in figures.items()}}

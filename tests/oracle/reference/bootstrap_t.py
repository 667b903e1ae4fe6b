"""Which bootstrap-t interval of a mean to have: coverage and width at 95%, as in the table of analysis/README.md. Needs NumPy and SciPy.

equal       equal tails, draws without spread infinitely far (what analysis/resample.cc does)
left_out    equal tails, draws without spread left out
symmetric   mean +- the 95% quantile of |t*|, draws without spread infinitely far
Widths are in standard errors of the mean: median and 99th percentile.
"""
import numpy as np
from scipy import stats

REPLICATIONS, DRAWS = 4000, 2000
rng = np.random.default_rng(1)
sources = {
    "normal": (lambda s: rng.normal(size=s), 0),
    "gamma(4)": (lambda s: rng.gamma(4, size=s), 4),
    "exponential": (lambda s: rng.exponential(size=s), 1),
    "student(3)": (lambda s: rng.standard_t(3, size=s), 0),
    "uniform": (lambda s: rng.uniform(size=s), 0.5),
}


def bounds(x):
    n, m, se = len(x), x.mean(), x.std(ddof=1) / np.sqrt(len(x))
    drawn = x[rng.integers(0, n, size=(DRAWS, n))]
    flat = drawn.max(1) == drawn.min(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (drawn.mean(1) - m) / np.where(flat, 0, drawn.std(1, ddof=1)) * np.sqrt(n)
    low, high = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
    some_low, some_high = np.quantile(t[~flat], [0.025, 0.975], method="inverted_cdf")
    wide = np.quantile(np.abs(t), 0.95, method="inverted_cdf")
    return m, se, {"equal": (high, low), "left_out": (some_high, some_low), "symmetric": (wide, -wide),
                   "paired_t": stats.t.ppf(0.975, n - 1) * np.array([1, -1])}


for name, (draw, truth) in sources.items():
    for n in (5, 8, 20):
        held, widths = {}, {}
        for _ in range(REPLICATIONS):
            m, se, ends = bounds(draw(n))
            for kind, (a, b) in ends.items():
                held.setdefault(kind, []).append(m - a * se <= truth <= m - b * se)
                widths.setdefault(kind, []).append(a - b)
        print(f"{name:12} n = {n:2}: " + "; ".join(
            f"{kind} {100 * np.mean(held[kind]):.1f}% ({np.median(widths[kind]):.1f}, {np.quantile(widths[kind], 0.99):.1f})"
            for kind in held), flush=True)

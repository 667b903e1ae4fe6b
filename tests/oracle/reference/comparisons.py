"""Writes comparisons.txt beside it: what SciPy, statsmodels, rliable and arch say about seeded inputs; tests/analysis reads it.

Needs scipy, statsmodels, rliable and arch. A block is `case NAME`, then lines `KEY number...`; numbers have 17 digits.
Bands: the bound of a bootstrap interval with OURS draws must lie where the reference's distribution of many more draws has its quantiles
q -+ 4 sqrt(q (1 - q) (1 / OURS + 1 / draws)): four standard errors of an empirical quantile, whatever the distribution.
"""
import pathlib
import sys
import warnings

import numpy as np
import scipy
import statsmodels
from arch.bootstrap import IIDBootstrap
from importlib.metadata import version
from rliable import library, metrics
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

warnings.simplefilter("ignore")
OURS = 20_000
rng = np.random.default_rng(8)
out = []


def case(name):
    out.append(f"\ncase {name}")


def put(key, *values):
    flat = np.concatenate([np.atleast_1d(np.asarray(v, dtype=float)).ravel() for v in values])
    out.append(key + "".join(f" {v:.17g}" for v in flat))


def band(key, distribution, q):
    """From where to where our quantile q may lie."""
    error = 4 * np.sqrt(q * (1 - q) * (1 / OURS + 1 / len(distribution)))
    put(key, np.quantile(distribution, [q - error, q + error]))


def intervals(x, level):
    t = stats.ttest_1samp(x, 0).confidence_interval(level)
    return t.low, t.high


def lists():
    """Differences, and a second list where unpaired tests want one."""
    for n in (2, 5, 8, 20):
        yield f"normal_{n}", rng.normal(0.3, 1, n), rng.normal(0, 2, n + 3)
        yield f"skewed_{n}", rng.gamma(0.7, 1, n) - 0.4, rng.gamma(2, 1, max(2, n - 2))
    yield "small_scale", 1e-7 * rng.normal(0.5, 1, 8), 1e-7 * rng.normal(size=5)
    yield "far_from_zero", 1e6 + rng.normal(0.5, 1, 8), 1e6 + rng.normal(size=5)
    yield "sixty", rng.normal(0.1, 1, 60), rng.normal(size=40)


def one_sample():
    for name, x, y in lists():
        case(f"differences/{name}")
        put("x", x)
        put("y", y)
        put("mean", x.mean())
        put("sd", x.std(ddof=1))
        put("trim_mean", stats.trim_mean(x, 0.25))
        for level in (90, 95, 99):
            put(f"t{level}", intervals(x, level / 100))
            put(f"welch{level}", *stats.ttest_ind(x, y, equal_var=False).confidence_interval(level / 100))
        put("paired_p", stats.ttest_1samp(x, 0).pvalue)
        w = stats.wilcoxon(x, method="exact")
        put("wilcoxon", w.statistic, w.pvalue)
    for n in (230, 300):
        x = np.round(rng.normal(0.1, 1, n), 2)
        case(f"many/{n}")
        put("x", x)
        w = stats.wilcoxon(x, method="asymptotic", correction=False)
        put("wilcoxon", w.statistic, w.pvalue)
    for i, m in enumerate((1, 5, 12)):
        p = rng.uniform(size=m) ** 3
        p[m // 2] = p[0]
        case(f"holm/{i}")
        put("p", p)
        put("adjusted", multipletests(p, method="holm")[1])


def power_of(effect, n, alpha=0.05):
    found = TTestPower().power(effect, n, alpha)
    # SciPy's nct.cdf is NaN for some n = 2 in the far tail, which is below 1e-10 there; then the other tail is all.
    return stats.nct.sf(stats.t.isf(alpha / 2, n - 1), n - 1, effect * np.sqrt(n)) if np.isnan(found) else found


def power():
    for n in (2, 3, 5, 8, 20, 100, 1000):
        for effect in (0, 0.02, 0.2, 0.8, 1.5, 4):
            case(f"power/{n}/{effect}")
            put("given", n, effect)
            put("power", *[power_of(effect, n, alpha) for alpha in (0.1, 0.05, 0.01)])
        case(f"smallest/{n}")
        put("given", n)
        for share in (0.5, 0.8, 0.95):
            most = next(d for d in 0.01 * 1.5 ** np.arange(40) if power_of(d, n) > share)
            found = optimize.brentq(lambda d: power_of(d, n) - share, 0, most, xtol=1e-14, rtol=1e-14)
            put(f"effect{round(100 * share)}", found)
    for effect in (0.03, 0.1, 0.5, 1, 2, 5, 50):
        case(f"seeds/{effect}")
        put("given", effect)
        put("needed", next(n for n in range(2, 10_001) if power_of(effect, n) >= 0.8))


def scores():
    def problems():
        for n, m in ((5, 1), (8, 3), (20, 6), (3, 26), (7, 2)):
            yield f"{n}x{m}", rng.normal(0.8, 0.4, (n, m)), rng.normal(0.7, 0.5, (n + 2, m))
        yield "ties", rng.integers(0, 4, (8, 3)) / 2, rng.integers(0, 4, (5, 3)) / 2
        yield "zeros", np.zeros((5, 2)), np.zeros((5, 2))
        yield "constant", np.full((6, 2), 1.25), np.zeros((3, 2))

    for name, x, y in problems():
        case(f"scores/{name}")
        for task in range(x.shape[1]):
            put("x", x[:, task])
            put("y", y[:, task])
        put("iqm", metrics.aggregate_iqm(x))
        put("mean", metrics.aggregate_mean(x))
        put("median", metrics.aggregate_median(x))
        put("gap", metrics.aggregate_optimality_gap(x))
        put("gap_half", metrics.aggregate_optimality_gap(x, 0.5))
        put("improvement", metrics.probability_of_improvement(x, y))
        thresholds = np.concatenate([np.linspace(-0.5, 2, 11), x[:2, 0]])
        put("thresholds", thresholds)
        put("profile", library.score_distributions(x, thresholds))
    case("unequal")
    ragged = [rng.normal(0.8, 0.4, n) for n in (3, 8, 5, 1)]
    other = [rng.normal(0.7, 0.4, n) for n in (2, 8, 6, 4)]
    for a, b in zip(ragged, other):
        put("x", a)
        put("y", b)
    pooled = np.concatenate(ragged)
    put("iqm", stats.trim_mean(pooled, 0.25))
    put("gap", np.mean(np.maximum(1 - pooled, 0)))
    put("improvement", np.mean([stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)) for a, b in zip(ragged, other)]))


def bootstraps():
    for n in (5, 8, 20):
        for name, x in (("normal", rng.normal(0.3, 1, n)), ("skewed", rng.exponential(1, n))):
            case(f"bootstrap/{name}_{n}")
            put("x", x)
            for key, of in (("mean", np.mean), ("median", np.median)):
                b = stats.bootstrap((x,), of, n_resamples=400_000, method="percentile", batch=20_000, random_state=1)
                put(f"{key}_interval", b.confidence_interval.low, b.confidence_interval.high)
                band(f"{key}_low", b.bootstrap_distribution, 0.025)
                band(f"{key}_high", b.bootstrap_distribution, 0.975)
            b = IIDBootstrap(x, seed=1)
            low, high = b.conf_int(np.mean, 100_000, method="studentized",
                                   std_err_func=lambda m, z: z.std(ddof=1) / np.sqrt(len(z))).ravel()
            put("studentised_interval", low, high)
            bounds = x.mean() - b._studentized_results.ravel() * x.std(ddof=1) / np.sqrt(n)
            band("studentised_low", bounds, 0.025)
            band("studentised_high", bounds, 0.975)
    for n, m in ((5, 4), (8, 1), (3, 10)):
        x, y = rng.normal(0.8, 0.4, (n, m)), rng.normal(0.7, 0.5, (n + 2, m))
        case(f"stratified/{n}x{m}")
        for task in range(m):
            put("x", x[:, task])
            put("y", y[:, task])
        np.random.seed(1)
        b = library.StratifiedBootstrap(x).apply(lambda z: np.array([metrics.aggregate_iqm(z)]), 50_000).ravel()
        band("iqm_low", b, 0.025)
        band("iqm_high", b, 0.975)
        of = lambda a, c: np.array([metrics.probability_of_improvement(a, c)])
        b = library.StratifiedIndependentBootstrap(x, y).apply(of, 10_000).ravel()
        band("improvement_low", b, 0.025)
        band("improvement_high", b, 0.975)


def budgets():
    for i, (e, a, b) in enumerate(((1.7, 400, 0.34), (2.1, 30, 0.2), (0.5, 3e3, 0.5))):
        budget = 1e6 * 2.0 ** np.arange(4 + i)
        loss = (e + a * budget**-b) * (1 + 0.002 * rng.normal(size=len(budget)))
        scale = np.exp(np.log(budget).mean())
        law = lambda d, e, a, b: e + a * (d / scale) ** -b
        (e, a, b), _ = optimize.curve_fit(law, budget, loss, p0=(e, a * scale**-b, b), ftol=1e-15, xtol=1e-15, gtol=1e-15, maxfev=100_000)
        case(f"budget/{i}")
        put("budget", budget)
        put("loss", loss)
        first, last = law(budget[0], e, a, b), law(budget[-1], e, a, b)
        targets = first + (last - first) * np.array([0.05, 0.3, 0.6, 0.95])
        put("targets", targets)
        put("reached", scale * ((targets - e) / a) ** (-1 / b))


one_sample()
power()
scores()
bootstraps()
budgets()
versions = ", ".join(f"{p} {version(p)}" for p in ("numpy", "scipy", "statsmodels", "rliable", "arch"))
head = f"# Made by comparisons.py with Python {sys.version.split()[0]}, {versions}; bands for {OURS} draws.\n"
pathlib.Path(__file__).with_suffix(".txt").write_text(head + "\n".join(out).lstrip("\n") + "\n")

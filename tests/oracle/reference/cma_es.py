"""Numbers of tests/oracle/cma_es_test.cc, computed without our program.

Prints four generations of CMA-ES (Hansen 2016, arXiv 1604.00772, positive weights) from given draws, written with NumPy's
eigendecomposition; and how many evaluations the package cma needs on the functions of the test (positive weights, no restarts).
Needs numpy and cma.
"""
import math
import statistics

import cma
import numpy as np


def draws(g, lam, n):
    size = 4.0 if g == 1 else 1.5  # long steps: the path outgrows its age, hs = 0
    return np.array([[size * math.sin(1 + 7 * g + 3 * i + 5 * k + 0.1 * i * k) for k in range(n)] for i in range(lam)])


def value(x):
    return -sum((k + 1) ** 2 * (x[k] - 0.3 * k) ** 2 for k in range(len(x)))


def transcript(n=3, lam=7, sigma=0.8, generations=4):
    mu = lam // 2
    w = np.log((lam + 1) / 2) - np.log(np.arange(1, mu + 1))
    w /= w.sum()
    mueff = 1 / (w**2).sum()
    cs = (mueff + 2) / (n + mueff + 5)
    ds = 1 + 2 * max(0, math.sqrt((mueff - 1) / (n + 1)) - 1) + cs
    cc = (4 + mueff / n) / (n + 4 + 2 * mueff / n)
    c1 = 2 / ((n + 1.3) ** 2 + mueff)
    cmu = min(1 - c1, 2 * (mueff - 2 + 1 / mueff) / ((n + 2) ** 2 + mueff))
    chi = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    m, ps, pc, c = np.zeros(n), np.zeros(n), np.zeros(n), np.eye(n)
    for g in range(generations):
        d, b = np.linalg.eigh(c)
        root, inverse = b @ np.diag(np.sqrt(d)) @ b.T, b @ np.diag(1 / np.sqrt(d)) @ b.T
        x = m + sigma * draws(g, lam, n) @ root
        x = x[np.argsort([-value(row) for row in x], kind="stable")][:mu]
        y = (x - m) / sigma
        yw = w @ y
        m = m + sigma * yw
        ps = (1 - cs) * ps + math.sqrt(cs * (2 - cs) * mueff) * inverse @ yw
        length = np.linalg.norm(ps)
        hs = float(length / math.sqrt(1 - (1 - cs) ** (2 * (g + 1))) < (1.4 + 2 / (n + 1)) * chi)
        sigma *= math.exp(cs / ds * (length / chi - 1))
        pc = (1 - cc) * pc + hs * math.sqrt(cc * (2 - cc) * mueff) * yw
        c = (1 - c1 - cmu + (1 - hs) * c1 * cc * (2 - cc)) * c + c1 * np.outer(pc, pc) + cmu * (y.T * w) @ y
        print(f"generation {g + 1}: hs {hs:g}, sigma {sigma:.15g}")
        print("  mean      ", ", ".join(f"{v:.15g}" for v in m))
        print("  covariance", ", ".join(f"{v:.15g}" for v in c[np.tril_indices(n)]))


def evaluations(function, n, runs=51):
    counts = []
    for seed in range(1, runs + 1):
        options = {"seed": seed, "verbose": -9, "CMA_active": False, "ftarget": 1e-10, "maxfevals": 100000}
        es = cma.CMAEvolutionStrategy(n * [1.0], 1.0, options)
        es.optimize(function)
        counts.append(es.result.evaluations)
    return statistics.median(counts), min(counts), max(counts)


if __name__ == "__main__":
    transcript()
    print("cma", cma.__version__, "numpy", np.__version__)
    print("sphere, n = 5:", evaluations(lambda x: sum(np.asarray(x) ** 2), 5))
    print("ellipsoid, n = 5:", evaluations(lambda x: sum(10 ** (6 * i / 4) * v**2 for i, v in enumerate(x)), 5))

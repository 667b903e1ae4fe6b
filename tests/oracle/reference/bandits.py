#!/usr/bin/env python3
"""Mean regret of bandits as others have written them, on the problems of tests/oracle/reference_test.cc.

    python3 -m venv venv && venv/bin/pip install SMPyBandits==0.9.7 mabwiser==2.7.4 && venv/bin/python bandits.py

Prints a line a policy: name, mean regret, its standard error, number of seeds. tests/oracle/README.md has what it printed.
"""
import sys

import numpy as np
import scipy.special

if not hasattr(scipy.special, "btdtri"):  # its name until SciPy 1.14; SMPyBandits imports it for quantiles, not used here
    scipy.special.btdtri = scipy.special.betaincinv

from mabwiser.mab import MAB, LearningPolicy
from SMPyBandits.Policies import UCB, Exp3, Thompson

MEANS = np.array([0.2, 0.4, 0.5, 0.6, 0.7])
HORIZON, SEEDS = 1000, 400

THETA = np.array([[0.5, 0, 0, 0.2], [-0.5, 0, 0, 0.2], [0, 0.6, 0, 0.1], [0, 0, -0.6, 0.1]])
NOISE, LINEAR_HORIZON, LINEAR_SEEDS = 0.1, 500, 200


class PlainExp3(Exp3):
    """Draws from its probabilities from the first decision on; the library plays each arm once first."""

    def choice(self):
        return np.random.choice(self.nbArms, p=self.trusts)


def play_bernoulli(make, seed):
    np.random.seed(seed)
    world = np.random.default_rng(seed)
    policy = make()
    policy.startGame()
    regret = 0.0
    for _ in range(HORIZON):
        arm = policy.choice()
        policy.getReward(arm, float(world.random() < MEANS[arm]))
        regret += MEANS.max() - MEANS[arm]
    return regret


def play_linear(learning_policy, seed):
    world = np.random.default_rng(seed)
    arms = list(world.permutation(len(THETA)))  # ties go to the first of the list
    policy = MAB([int(a) for a in arms], learning_policy, seed=seed)
    fitted, regret = False, 0.0
    for _ in range(LINEAR_HORIZON):
        x = np.append(world.uniform(-1, 1, THETA.shape[1] - 1), 1.0)
        means = THETA @ x
        arm = policy.predict([x]) if fitted else int(arms[0])  # all indices are equal at first
        reward = means[arm] + NOISE * world.standard_normal()
        (policy.partial_fit if fitted else policy.fit)([arm], [reward], [x])
        fitted = True
        regret += means.max() - means[arm]
    return regret


def report(name, regrets):
    regrets = np.array(regrets)
    print(f"{name:14} {regrets.mean():9.3f} {regrets.std(ddof=1) / np.sqrt(len(regrets)):7.3f} {len(regrets):5}", flush=True)


def main():
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, scipy {scipy.__version__}")
    arms = len(MEANS)
    for name, make in {
        "ucb1": lambda: UCB(arms),
        "thompson_beta": lambda: Thompson(arms),
        "exp3": lambda: PlainExp3(arms, gamma=0.1),
    }.items():
        report(name, [play_bernoulli(make, seed) for seed in range(SEEDS)])
    report("linucb", [play_linear(LearningPolicy.LinUCB(alpha=0.5, l2_lambda=1), s) for s in range(LINEAR_SEEDS)])
    report("lin_thompson", [play_linear(LearningPolicy.LinTS(alpha=0.3, l2_lambda=1), s) for s in range(LINEAR_SEEDS)])


if __name__ == "__main__":
    main()

"""Writes tests/oracle/reference/ope.txt: a shared log and what Open Bandit Pipeline estimates from it. Needs numpy and obp (its
estimators alone: torch is imported by them for tensors that are not used here, and may be absent).

    python3 -m venv venv && venv/bin/pip install numpy pandas scipy scikit-learn && venv/bin/pip install --no-deps obp==0.4.1
    venv/bin/python tests/oracle/reference/ope.py > tests/oracle/reference/ope.txt
"""
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np

try:
    import torch  # noqa: F401
except ImportError:
    sys.modules["torch"] = types.SimpleNamespace(Tensor=type("Tensor", (), {}))

# obp/ope/__init__.py draws in all of obp; its estimators need two files of it.
root = Path(importlib.util.find_spec("obp").submodule_search_locations[0])
package = types.ModuleType("obp.ope")
package.__path__ = [str(root / "ope")]
sys.modules["obp.ope"] = package
from obp.ope import estimators as obp  # noqa: E402
from obp.version import __version__  # noqa: E402

ROUNDS, ARMS, RUNS = 60, 4, 3
rng = np.random.default_rng(20)
logits = rng.normal(size=(ROUNDS, ARMS)) * 1.5
probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
action = np.array([rng.choice(ARMS, p=p) for p in probability])
reward = rng.normal(loc=np.array([0.2, -0.4, 0.9, 0.5])[action], scale=0.3)
q_hat = np.array([0.1, -0.2, 0.7, 0.6]) + 0.2 * rng.normal(size=(ROUNDS, ARMS))
targets = {"arm_0": [1, 0, 0, 0], "arm_1": [0, 1, 0, 0], "arm_2": [0, 0, 1, 0], "arm_3": [0, 0, 0, 1],
           "alike": [0.25] * 4, "mixed": [0.5, 0.125, 0.0625, 0.3125]}
TAU, LAMBDA = 2.5, 7.0
estimators = [("replay", obp.ReplayMethod()), ("ipw", obp.InverseProbabilityWeighting()),
              ("snipw", obp.SelfNormalizedInverseProbabilityWeighting()), ("dm", obp.DirectMethod()), ("dr", obp.DoublyRobust()),
              ("sndr", obp.SelfNormalizedDoublyRobust()), ("switch_dr", obp.SwitchDoublyRobust(tau=TAU)),
              ("dros", obp.DoublyRobustWithShrinkage(lambda_=LAMBDA))]


def line(*words):
    print(*[repr(float(w)) if isinstance(w, (float, np.floating)) else w for w in words])


print(f"# obp {__version__}, numpy {np.__version__}; made by tests/oracle/reference/ope.py")
line("shape", ROUNDS, ARMS)
line("tau", TAU)
line("lambda", LAMBDA)
print("# round: run, arm, reward, probability of every arm, predicted reward of every arm")
for i in range(ROUNDS):
    line("round", i * RUNS // ROUNDS, action[i], reward[i], *probability[i], *q_hat[i])
print("# value: estimator, target, probability of every arm, estimate")
for name, pi in targets.items():
    dist = np.tile(np.array(pi, dtype=float), (ROUNDS, 1))[:, :, None]
    for estimator, of in estimators:
        if estimator == "replay" and max(pi) < 1:
            continue
        value = of.estimate_policy_value(reward=reward, action=action, action_dist=dist, position=np.zeros(ROUNDS, dtype=int),
                                         pscore=probability[np.arange(ROUNDS), action],
                                         estimated_rewards_by_reg_model=q_hat[:, :, None])
        line("value", estimator, name, *[float(p) for p in pi], value)

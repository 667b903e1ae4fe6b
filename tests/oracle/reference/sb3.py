#!/usr/bin/env python3
"""PPO, SAC and TD3 of stable-baselines3 on one of our environments: returns at equal steps, and steps a second.

    sb3.py BRIDGE ALGORITHM --env KIND [--set key=value]... [--steps N] [--seeds N] [--episodes N] [--out FILE]

BRIDGE is the program env_bridge. The action is K-1 numbers u; the weights are softmax([u, 0]), as our logistic-normal policies
have it. SAC and TD3 want bounded actions: theirs lie in [-1, 1] and are multiplied by 3. Prints one line a seed: the mean return
of evaluation episodes under the deterministic policy, and training steps a second.
"""
import argparse
import struct
import subprocess
import time

import gymnasium as gym
import numpy as np
import stable_baselines3 as sb3
import torch


class Bridged(gym.Env):
    def __init__(self, program, kind, settings, scale, seed):
        self.process = subprocess.Popen([program, kind, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.k, self.d, self.horizon = struct.unpack("<3q", self._read(24))
        bound = 10.0 if scale is None else 1.0  # wide enough never to cut a Gaussian policy
        self.scale = 1.0 if scale is None else scale
        self.action_space = gym.spaces.Box(-bound, bound, (self.k - 1,), np.float32)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (self.d,), np.float32)
        self.seeds = np.random.default_rng(seed)

    def _read(self, n):
        data = self.process.stdout.read(n)
        if len(data) != n:
            raise RuntimeError("the environment has ended")
        return data

    def _send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def reset(self, *, seed=None, options=None):
        drawn = int(self.seeds.integers(2**63)) if seed is None else seed
        self._send(b"r" + struct.pack("<Q", drawn))
        return np.frombuffer(self._read(8 * self.d)).astype(np.float32), {}

    def step(self, action):
        u = np.append(self.scale * np.asarray(action, np.float64), 0.0)
        w = np.exp(u - u.max())
        self._send(b"s" + (w / w.sum()).tobytes())
        reply = np.frombuffer(self._read(8 * (self.d + 2)))
        return reply[: self.d].astype(np.float32), float(reply[self.d]), bool(reply[self.d + 1]), False, {}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def evaluate(model, env, episodes):
    returns = []
    for e in range(episodes):
        seen, _ = env.reset(seed=10**9 + e)
        total, ended = 0.0, False
        while not ended:
            action, _ = model.predict(seen, deterministic=True)
            seen, reward, ended, _, _ = env.step(action)
            total += reward
        returns.append(total)
    return float(np.mean(returns))


def make(name, env, seed, gamma):
    common = dict(policy="MlpPolicy", env=env, seed=seed, device="cpu", gamma=gamma)
    if name == "ppo":
        return sb3.PPO(**common, n_steps=2048, batch_size=64, n_epochs=10, learning_rate=3e-4)
    if name == "sac":
        return sb3.SAC(**common, learning_rate=3e-4, batch_size=256, learning_starts=100)
    return sb3.TD3(**common, learning_rate=1e-3, batch_size=256, learning_starts=100,
                   action_noise=sb3.common.noise.NormalActionNoise(np.zeros(env.k - 1), 0.1 * np.ones(env.k - 1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bridge")
    parser.add_argument("algorithm", choices=["ppo", "sac", "td3"])
    parser.add_argument("--env", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--gamma", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"# stable-baselines3 {sb3.__version__}, torch {torch.__version__}, {given.algorithm} on {given.env} {given.set}, "
          f"{given.steps} steps, {given.threads} threads")
    print("algorithm\tseed\treturn\tsteps_per_second", flush=True)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        env = Bridged(given.bridge, given.env, given.set, None if given.algorithm == "ppo" else 3.0, seed)
        model = make(given.algorithm, env, seed, given.gamma)
        began = time.perf_counter()
        model.learn(given.steps)
        speed = given.steps / (time.perf_counter() - began)
        print(f"{given.algorithm}\t{seed}\t{evaluate(model, env, given.episodes):.5f}\t{speed:.1f}", flush=True)
        env.close()


if __name__ == "__main__":
    main()

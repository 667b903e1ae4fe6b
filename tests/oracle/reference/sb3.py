#!/usr/bin/env python3
"""PPO, SAC and TD3 of stable-baselines3 on one of our environments: returns at equal steps, and steps a second.

    sb3.py BRIDGE ALGORITHM --env KIND [--set key=value]... [--steps N] [--seeds N] [--episodes N] [--out FILE]

BRIDGE is the program env_bridge. The action is K-1 numbers u; the weights are softmax([u, 0]), as our logistic-normal policies
have it. SAC and TD3 want bounded actions: theirs lie in [-1, 1] and are multiplied by 6, the reach of ours; TD3's noises are divided by
it. SAC's weight of the entropy is fixed, for the entropies are of different densities. Networks, batches and rates are ours. With --ours
they also warm up with even draws from the simplex, and TD3's actor ends in 6 tanh(f / 6), as ours do. Prints one line a seed: the mean return
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


REACH = 6.0  # of our off-policy consoles' logits


class Even(gym.spaces.Box):
    """Draws as our off-policy consoles warm up: weights evenly from the simplex."""

    def sample(self, mask=None, probability=None):
        w = self.np_random.dirichlet(np.ones(self.shape[0] + 1))
        return np.clip(np.log(w[:-1] / w[-1]) / REACH, -1, 1).astype(np.float32)


class Gentle(torch.nn.Module):
    """In place of the last tanh of an actor: logits REACH tanh(f / REACH), as ours."""

    def forward(self, f):
        return torch.tanh(f / REACH)


class Bridged(gym.Env):
    def __init__(self, program, kind, settings, scale, seed, even):
        self.process = subprocess.Popen([program, kind, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.k, self.d, self.horizon = struct.unpack("<3q", self._read(24))
        bound = 10.0 if scale is None else 1.0  # wide enough never to cut a Gaussian policy
        self.scale = 1.0 if scale is None else scale
        box = Even if even else gym.spaces.Box
        self.action_space = box(-bound, bound, (self.k - 1,), np.float32)
        self.action_space.seed(seed)
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


def make(name, env, seed, gamma, ours):
    common = dict(policy="MlpPolicy", env=env, seed=seed, device="cpu", gamma=gamma)
    if name == "ppo":
        return sb3.PPO(**common, n_steps=2048, batch_size=64, n_epochs=10, learning_rate=3e-4)
    common |= dict(policy_kwargs=dict(net_arch=[64, 64]), learning_rate=1e-3, batch_size=64, tau=0.01, learning_starts=400,
                   buffer_size=50_000)
    if name == "sac":
        return sb3.SAC(**common, ent_coef=0.02)
    zeros = np.zeros(env.k - 1)
    model = sb3.TD3(**common, target_policy_noise=0.2 / REACH, target_noise_clip=0.5 / REACH,
                    action_noise=sb3.common.noise.NormalActionNoise(zeros, zeros + 0.5 / REACH))
    if ours:
        for actor in (model.actor, model.actor_target):
            actor.mu[-1] = Gentle()
    return model


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
    parser.add_argument("--ours", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"# stable-baselines3 {sb3.__version__}, torch {torch.__version__}, {given.algorithm} on {given.env} {given.set}, "
          f"{given.steps} steps, {given.threads} threads")
    print("algorithm\tseed\treturn\tsteps_per_second", flush=True)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        env = Bridged(given.bridge, given.env, given.set, None if given.algorithm == "ppo" else REACH, seed,
                      given.ours and given.algorithm != "ppo")
        model = make(given.algorithm, env, seed, given.gamma, given.ours)
        began = time.perf_counter()
        model.learn(given.steps)
        speed = given.steps / (time.perf_counter() - began)
        print(f"{given.algorithm}\t{seed}\t{evaluate(model, env, given.episodes):.5f}\t{speed:.1f}", flush=True)
        env.close()


if __name__ == "__main__":
    main()

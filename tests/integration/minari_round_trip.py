"""A dataset that `tool minari` wrote, opened by minari, against the runs that it came from, opened by h5py.

usage: minari_round_trip.py DATASET_ID RUN.h5...     (MINARI_DATASETS_PATH says where the dataset is)
"""
import importlib.metadata
import sys

import h5py
import minari
import numpy as np


def same(ours, theirs, what):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, (what, ours.dtype, theirs.dtype, ours.shape, theirs.shape)
    assert ours.tobytes() == theirs.tobytes(), f"{what} differs"


def episodes_of(paths):
    for path in paths:
        with h5py.File(path, "r") as run:
            for i in range(sum(name.startswith("episode_") for name in run)):
                yield run, run[f"episode_{i}"]


def main(name, paths):
    dataset = minari.load_dataset(name)
    assert name in minari.list_local_datasets()
    episodes = list(dataset.iterate_episodes())
    metadata = list(dataset.storage.get_episode_metadata(range(len(episodes))))
    steps = 0
    main_file = h5py.File(f"{dataset.storage.data_path}/main_data.hdf5", "r")
    for index, (run, ours) in enumerate(episodes_of(paths)):
        theirs, exported = episodes[index], main_file[f"episode_{index}"]
        n = int(ours["commit"][0])
        steps += n
        assert theirs.id == index and len(theirs) == n
        same(ours["observations"][: n + 1], theirs.observations, "observations")
        same(ours["actions"][:n], theirs.actions, "actions")
        for key in ("rewards", "terminations", "truncations"):
            same(ours[key][:n], getattr(theirs, key), key)
        for key in ("terminations", "truncations"):
            for file in (ours, exported):
                assert file[key].dtype == np.bool_, f"{key} of {file.file.filename} is {file[key].dtype}"
        assert run.attrs["git_dirty"].dtype == np.bool_ and exported.attrs["git_dirty"].dtype == np.bool_
        assert theirs.terminations[-1] and not theirs.terminations[:-1].any()
        for key, value in theirs.infos.items():
            same(ours["infos"][key][: n + 1], value, f"infos/{key}")
        assert set(theirs.infos) == set(ours["infos"])
        for key in ("console/reward_fed", "cost/flops", "credit/payoff", "final/loss_test"):
            same(ours[key][()], exported[key][()], key)
        assert list(exported["agents/names"].asstr()[:]) == list(ours["agents/names"].asstr()[:])
        assert list(exported["observations"].attrs["fields"]) == [x.decode() for x in ours["observations"].attrs["labels"]]
        assert exported.attrs["config_toml"] == run.attrs["config_toml"].decode()
        told = metadata[index]
        assert told["id"] == index and told["total_steps"] == n and told["seed"] == int(run.attrs["seed"])
        rewards = theirs.rewards
        for key, value in (("sum", rewards.sum()), ("mean", rewards.mean()), ("std", rewards.std()), ("max", rewards.max()), ("min", rewards.min())):
            assert np.isclose(told[f"rewards_{key}"], value, rtol=1e-12, atol=0), key
        space = dataset.observation_space
        assert all(space.contains(row) for row in theirs.observations)
        assert all(dataset.action_space.contains(row) for row in theirs.actions)
    assert len(episodes) == dataset.total_episodes == index + 1
    assert dataset.total_steps == steps
    dataset.set_seed(0)
    sampled = dataset.sample_episodes(2)
    assert len(sampled) == 2 and all(same(e.actions, episodes[e.id].actions, "sample") is None for e in sampled)
    assert len(dataset.filter_episodes(lambda e: e.rewards.sum() > -1e9)) == len(episodes)
    assert dataset.observation_space.sample().shape == episodes[0].observations[0].shape
    both = minari.combine_datasets([dataset, dataset], "combined-v0")
    assert len(both) == 2 * len(episodes)
    same(both[len(episodes)].observations, episodes[0].observations, "combined")
    words = [f"{p} {importlib.metadata.version(p)}" for p in ("minari", "h5py", "numpy", "gymnasium")]
    print(f"{len(episodes)} episodes equal: Python {sys.version.split()[0]}, {', '.join(words)}, HDF5 {h5py.version.hdf5_version}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

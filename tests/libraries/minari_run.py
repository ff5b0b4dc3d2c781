"""Minari: dialogues of the expert as a data set, with all of `info`, and the environment back from it."""

import os
import tempfile

os.environ["MINARI_DATASETS_PATH"] = tempfile.mkdtemp()

import gymnasium as gym
import minari

import dialogue_gym

domain = dialogue_gym.load_domain("restaurant").with_action("utter_hi", ["Hi."])
env = minari.DataCollector(gym.make("Dialogue-v0", domain=domain), record_infos=True)
expert = dialogue_gym.ExpertPolicy(env)
steps = 0
for seed in range(20):
    observation, info = env.reset(seed=seed)
    done = False
    while not done:
        observation, _, terminated, truncated, info = env.step(expert.predict(observation)[0])
        done = terminated or truncated
        steps += 1
dataset = env.create_dataset(
    "dialogue/restaurant-v0", algorithm_name="expert", author="a", author_email="a@b.c", code_permalink="-"
)
episodes = list(minari.load_dataset("dialogue/restaurant-v0"))
assert sum(len(episode) for episode in episodes) == dataset.total_steps == steps
for episode in episodes:
    assert episode.infos["reward_terms"].shape == (len(episode) + 1, 3)
    assert episode.infos["is_success"][-1]
    assert episode.infos["reward_terms"].sum() == episode.rewards.sum()
again = minari.load_dataset("dialogue/restaurant-v0").recover_environment()
assert again.unwrapped.domain == domain
print(minari.__version__, f"{len(episodes)} dialogues")

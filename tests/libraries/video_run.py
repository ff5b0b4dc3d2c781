"""Gymnasium's RecordVideo, and its play with a key for each action."""

import os
import tempfile
from pathlib import Path

os.environ["SDL_VIDEODRIVER"] = "dummy"

import gymnasium as gym
import numpy as np
import pygame
from gymnasium.utils.play import play
from gymnasium.wrappers import RecordVideo

import dialogue_gym

folder = tempfile.mkdtemp()
env = RecordVideo(gym.make("FakeUserRestaurant-v0", render_mode="rgb_array"), folder, disable_logger=True)
expert = dialogue_gym.ExpertPolicy(env)
observation, _ = env.reset(seed=0)
done = False
while not done:
    observation, _, terminated, truncated, _ = env.step(expert.predict(observation)[0])
    done = terminated or truncated
env.close()
(film,) = Path(folder).glob("*.mp4")
assert film.stat().st_size > 1000

steps = []


def after_step(*step: object) -> None:
    steps.append(step)
    if len(steps) == 5:
        pygame.event.post(pygame.event.Event(pygame.QUIT))


pygame.init()
play(
    gym.make("FakeUserRestaurant-v0", render_mode="rgb_array"), noop=np.int64(1), callback=after_step, fps=50
)
assert len(steps) >= 5
print(gym.__version__, f"a film of {film.stat().st_size} bytes")

"""A deep Q-network in plain PyTorch: about forty lines, no library of agents.

For where there is no Stable-Baselines3, and as a pattern for agents of one's own: of `dialogue_gym` it has
the registered ids and nothing else. To be read from top to bottom. A network says what each action is worth
in an observation; the bot does the best one, or now and then any; the network learns from random samples of
all that came of it. (`agents/q_table.py` has a table in place of the network.)

    python -m agents.algorithms.plain_dqn FakeUserRestaurant-v0 --seed 1 --steps 20000

Source: Mnih and others 2015, Human-level control through deep reinforcement learning; van Hasselt, Guez and
Silver 2016, Deep reinforcement learning with double Q-learning.
"""

import argparse

import gymnasium as gym
import torch
from torch import nn

import dialogue_gym  # noqa: F401 (registers the ids)


def learn(env_id: str, seed: int, steps: int) -> list[float]:
    """Play so many steps, or a few more, and learn from them.

    After each of 25 parts, the best actions are evaluated over 500 dialogues that it never learns from.

    Returns:
        The success rate and the mean return of the last evaluation.
    """
    torch.manual_seed(seed)
    env = gym.wrappers.FlattenObservation(gym.make(env_id))
    width, actions = gym.spaces.flatdim(env.observation_space), gym.spaces.flatdim(env.action_space)
    network, target = (nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, actions)) for _ in (1, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    memory: list[torch.Tensor] = []

    def play(number: int, exploration: float) -> tuple[list[torch.Tensor], tuple[bool, float]]:
        """Play a dialogue; return its steps, one row of numbers each, and its success and return."""
        now = torch.tensor(env.reset(seed=1_000_000 * seed + number)[0]).float()
        over, rows, total = False, [], 0.0
        while not over:
            action = int((torch.rand(actions) if torch.rand(()) < exploration else network(now)).argmax())
            observation, reward, terminated, truncated, info = env.step(action)
            after = torch.tensor(observation).float()
            # A dialogue that was cut off could have gone on, and been worth something: only an end is one.
            rows.append(torch.cat([now, torch.tensor([action, reward, not terminated]), after]))
            now, over, total = after, terminated or truncated, total + float(reward)
        return rows, (info["is_success"], total)

    # All actions are random at first, and one in ten from a fifth of the steps on: with fewer, the network
    # forgets what the worse ones are worth.
    for part in range(1, 26):
        target.load_state_dict(network.state_dict())  # a goal that stands still until the next part
        while len(memory) < steps * part / 25:
            memory += (rows := play(len(memory), exploration=max(0.1, 1 - 5 * len(memory) / steps))[0])
            for _ in rows[::2]:
                batch = torch.stack([memory[row] for row in torch.randint(len(memory), (128,))])
                before, did, gained, goes_on, after = torch.split(batch, [width, 1, 1, 1, width], dim=1)
                # One network says what is best next, the other what that is worth: what one and the same says
                # is the best of all is what it overestimates most.
                best = network(after).argmax(1, keepdim=True)
                worth = gained + 0.99 * goes_on * target(after).gather(1, best)
                loss = nn.functional.smooth_l1_loss(network(before).gather(1, did.long()), worth.detach())
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        result = torch.tensor([play(steps + more, exploration=0)[1] for more in range(500)]).mean(0).tolist()
        print("{:6} steps: success {:.1%}, return {:.2f}".format(len(memory), *result), flush=True)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("env_id", nargs="?", default="FakeUserRestaurant-v0", metavar="ENV")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20_000)
    torch.set_num_threads(1)  # for a network so small more threads only wait for each other
    learn(**vars(parser.parse_args()))

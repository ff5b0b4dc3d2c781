"""A deep Q-network in plain PyTorch: about forty lines, without a library of agents.

It needs no Stable-Baselines3, and is a model for agents of your own: it uses only the registered ids of
`dialogue_gym`. Read it from top to bottom. A network estimates the value of each action in
an observation; the bot takes the best one, or now and then a random one; the network learns from random
samples of all steps so far. (`dialogue_gym/policies/q_table.py` has a table instead of the network.)

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
    """Play `steps` steps, or a few more, and learn from them.

    After each of 25 parts, the greedy policy is evaluated over 500 dialogues that it never learns from.

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
        """Play a dialogue; return its steps as rows of numbers, and its success and return."""
        now = torch.tensor(env.reset(seed=1_000_000 * seed + number)[0]).float()
        over, rows, total = False, [], 0.0
        while not over:
            action = int((torch.rand(actions) if torch.rand(()) < exploration else network(now)).argmax())
            observation, reward, terminated, truncated, info = env.step(action)
            after = torch.tensor(observation).float()
            # A truncated dialogue could have continued, so only termination cuts off the value of the rest.
            rows.append(torch.cat([now, torch.tensor([action, reward, not terminated]), after]))
            now, over, total = after, terminated or truncated, total + float(reward)
        return rows, (bool(info["is_success"]), total)

    # All actions are random at first, and one in ten after a fifth of the steps: with fewer, the network
    # forgets the values of the worse actions.
    for part in range(1, 26):
        target.load_state_dict(network.state_dict())  # fixed until the next part
        while len(memory) < steps * part / 25:
            memory += (rows := play(len(memory), exploration=max(0.1, 1 - 5 * len(memory) / steps))[0])
            for _ in rows[::2]:
                batch = torch.stack([memory[row] for row in torch.randint(len(memory), (128,))])
                before, did, gained, goes_on, after = torch.split(batch, [width, 1, 1, 1, width], dim=1)
                # One network picks the best next action, the other values it: a single network would pick
                # the action that it overestimates most.
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
    torch.set_num_threads(1)  # in a network this small, threads only wait for each other
    learn(**vars(parser.parse_args()))

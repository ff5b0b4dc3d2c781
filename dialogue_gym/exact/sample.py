"""The report of a sample of dialogues, where exact figures are out of reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._intervals import half_of_rate
from dialogue_gym.envs.settings import MAX_DIALOGUES, whole_number
from dialogue_gym.exact.advice import ExpertAdviser, WrongChoice, advice
from dialogue_gym.exact.player import FAULTS, JudgedBot, PlayedDialogue, named_goal, play_seed
from dialogue_gym.policies.agent import Agent
from dialogue_gym.policies.base import RandomPolicy
from dialogue_gym.reports.report import (
    SAMPLED,
    FailedDialogue,
    Group,
    Report,
    groups_by_value,
)
from dialogue_gym.training.evaluation import Progressed, figures_of, first_seed, play_each

_LOOKED_AT = 200
"""Failed dialogues that are played again, to list those that differ in kind."""


def evaluate_sample(
    agent: Agent,
    settings: Mapping[str, Any] | None = None,
    *,
    failures: int = 5,
    dialogues: int = 1000,
    seed: int = 0,
    progress: Progressed | None = None,
) -> Report:
    """Return the report of dialogues that an agent plays, each with a seed of its own.

    The arguments, and the errors, are those of `evaluate_exactly`.
    """
    dialogues = whole_number("dialogues", dialogues, 1, MAX_DIALOGUES)
    bot = JudgedBot(agent, settings)
    is_random = isinstance(bot.policy, RandomPolicy)
    return sampled_report(bot, None, dialogues, seed, failures, progress, is_random)


def sampled_report(
    bot: JudgedBot,
    reason: str | None,
    dialogues: int,
    seed: int,
    failures: int,
    progress: Progressed | None = None,
    is_random: bool = False,
) -> Report:
    """Return the report of dialogues that were played.

    Args:
        bot: the bot.
        reason: the reason why the figures are not exact, a sentence without its end; None if none
            is needed.
        dialogues: the number of dialogues.
        seed: the seed of the sample.
        failures: the largest number of failed dialogues to list.
        progress: called with the number of dialogues so far and their success rate.
        is_random: whether the bot is known to choose otherwise when a dialogue is played again.
    """
    if bot.reads_conversations:
        table = _one_by_one(bot, dialogues, seed, progress)
    else:
        table = play_each(bot.env, bot.policy, dialogues, seed, progress, bot.uses_masks)
    figures = figures_of(table)
    turns = Counter(table[:, 3].astype(int).tolist())
    hung_up = float(((table[:, 1] == 0) & (table[:, 4] == 0)).mean())
    user = bot.env.settings.user
    return Report(
        bot=bot.name,
        domain=bot.env.domain.name,
        settings=bot.settings,
        method=SAMPLED,
        success_rate=figures.success_rate,
        mean_turns=figures.mean_turns,
        mean_return=figures.mean_return,
        success_error=half_of_rate(figures.success_rate, dialogues),
        return_error=figures.half_interval(),
        dialogues=dialogues,
        turns={number: count / dialogues for number, count in sorted(turns.items())},
        users=(Group(user, 1.0, figures.success_rate),),
        goals=groups_by_value(_goals(bot, table, seed)),
        endings=endings(figures.success_rate, hung_up, float(table[:, 4].mean())),
        failures=tuple(_failed(bot, table, seed, failures, is_random)),
        notes=(f"a sample with 95% intervals: {reason}",) if reason else (),
    )


def _goals(
    bot: JudgedBot, table: npt.NDArray[np.float64], seed: int
) -> Iterator[tuple[Mapping[str, str], bool]]:
    """Yield the goal of each dialogue, and whether it succeeded."""
    for number, is_success in table[:, :2].tolist():
        bot.env.reset(seed=first_seed(seed) + int(number))
        yield named_goal(bot.env.agenda, bot.env.goal), bool(is_success)


def endings(success: float, hung_up: float, truncated: float) -> dict[str, float]:
    """Return the chances of the endings that occur, by their names."""
    named = {"success": success, FAULTS["failure"]: hung_up, FAULTS["truncated"]: truncated}
    return {name: chance for name, chance in named.items() if chance or name == "success"}


def _one_by_one(
    bot: JudgedBot, dialogues: int, seed: int, progress: Progressed | None
) -> npt.NDArray[np.float64]:
    """Play dialogues with a bot that reads the conversation; the rows are those of `play_each`."""
    rows: list[tuple[float, ...]] = []
    env = bot.env
    successes = 0
    for number in range(dialogues):
        observation, info = env.reset(seed=first_seed(seed) + number)
        bot.begin()
        total, terminated, truncated = 0.0, False, False
        while not (terminated or truncated):
            action = bot.choose(observation, info["action_mask"])
            observation, reward, terminated, truncated, info = env.step(action)
            total += reward - (float(info["reward_terms"][-1]) if env.settings.shaping else 0.0)
        successes += bool(info["is_success"])
        rows.append((
            number, float(info["is_success"]), total, int(info["turns"]), float(truncated and not terminated)
        ))  # fmt: skip
        if progress:
            progress(number + 1, successes / (number + 1))
    return np.array(rows)


def _failed(
    bot: JudgedBot, table: npt.NDArray[np.float64], seed: int, most: int, is_random: bool
) -> Iterator[FailedDialogue]:
    """Yield failed dialogues that differ in their first wrong decision, or else in their last one."""
    adviser = ExpertAdviser(bot.env)
    kinds: set[str | bytes] = set()
    for number in table[table[:, 1] == 0, 0].astype(int).tolist()[:_LOOKED_AT]:
        if len(kinds) >= most:
            return
        its_seed = first_seed(seed) + number
        played = play_seed(bot, its_seed)
        fault = adviser.first_fault(played.choices)
        # Of one kind are those with the same first wrong choice, or the last action if all were right.
        choice = played.choices[-1 if fault is None else fault.place]
        kind = choice.action if fault is None else choice.codes.tobytes()
        if kind not in kinds and played.conversation.outcome != "success":  # chance may be kinder now
            kinds.add(kind)
            is_again = not is_random and _actions(play_seed(bot, its_seed)) == _actions(played)
            yield failed_dialogue(bot, played, fault, its_seed if is_again else None, None)


def _actions(played: PlayedDialogue) -> list[str]:
    return [choice.action for choice in played.choices]


def failed_dialogue(
    bot: JudgedBot, played: PlayedDialogue, fault: WrongChoice | None, seed: int | None, chance: float | None
) -> FailedDialogue:
    """Return a dialogue that was played, as the report lists it."""
    return FailedDialogue(
        conversation=played.conversation,
        user=bot.env.settings.user,
        goal=played.goal,
        fault=FAULTS[played.conversation.outcome or "truncated"],
        seed=seed,
        chance=chance,
        advice=advice(played, fault),
        right_steps=None if fault is None else fault.place,
    )

"""Exact figures of a deterministic policy, by going through every outcome of chance."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import counted
from dialogue_gym.bounds.enumeration import TooLarge, tables_of
from dialogue_gym.domain import Domain
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.envs.settings import MAX_DIALOGUES, whole_number
from dialogue_gym.exact.chain import Beginning, Chain, Reopened
from dialogue_gym.exact.choices import Choices, NotDeterministic
from dialogue_gym.exact.failures import Failures
from dialogue_gym.exact.flow import Backwards, Totals, follow
from dialogue_gym.exact.player import JudgedBot
from dialogue_gym.exact.sample import endings, sampled_report
from dialogue_gym.reports import EXACT, FailedDialogue, Group, Report
from dialogue_gym.rules import AGENDA
from dialogue_gym.training.evaluation import Progressed

MAX_STATES = 200_000
SECONDS = 120.0
"""The default budget of an exact evaluation."""
PASSES = 4
FAILURES, DIALOGUES = 5, 10_000
SEED_EFFORT = 10_000
"""The largest effort in the search of a failed dialogue's seed: some millions of seeds, a second or two."""
MOST_LOST = 1e-3
"""The largest chance of what is left out if the budget ends; otherwise a sample tells more."""
CUTS = (1e-7, 1e-9, 1e-12)
"""The chances under which a state is left out at a step, one after the other as the budget allows."""


@dataclass(frozen=True)
class Solved:
    """The exact figures of a policy with one user profile.

    Attributes:
        chain: the chain of its dialogues.
        totals: the sums over all dialogues.
        goals: the goals, with their shares and chances of success, the worst first.
        stopped: the reason why no more states were gone through; None if nothing but the rarest is left out.
    """

    chain: Chain
    totals: Totals
    goals: tuple[Group, ...]
    stopped: str | None


def evaluate_exactly(
    bot: Any,
    settings: Mapping[str, Any] | None = None,
    *,
    env: Any = None,
    max_states: int = MAX_STATES,
    seconds: float = SECONDS,
    failures: int = FAILURES,
    dialogues: int = DIALOGUES,
    seed: int = 0,
    progress: Progressed | None = None,
    uses_masks: bool | None = None,
) -> Report:
    """Return the exact figures of a bot whose choices follow from the observation.

    Every outcome of chance is gone through with the rules of the library, and all that neither the bot nor
    the rules can tell apart is gone through once. So values of a slot that the bot sees as filled or not
    count as right or wrong ones. The policy is asked once for each distinct observation.

    The figures are those of the user profile of the settings. The other profiles of the domain stand beside
    it in `users`, with a share of 0. `passes` gives pass^k for tries that share the user, with the goal, and
    not the chance.

    Some bots cannot be evaluated so: one with rules or forms, which read the conversation; a policy with a
    memory, or with random choices; users who search a database; or too many states. The report is then that
    of a sample, with 95% intervals, and its first note gives the reason.

    Args:
        bot: an `Agent`, or anything with the `predict` of Stable-Baselines3.
        settings: arguments of the environment, in the place of the bot's own.
        env: the environment of a policy, wrapped or not; it is not stepped.
        max_states: the largest number of states, for each user profile.
        seconds: the longest time to go through the states, in seconds; those of other profiles have what is
            left of it.
        failures: the largest number of failed dialogues to list, of different kinds.
        dialogues: the number of dialogues if they are sampled.
        seed: the seed of the sample.
        progress: called with the number of sampled dialogues so far and their success rate.
        uses_masks: give the policy the masks of possible actions. By default an agent, and a `Policy`, are
            given them, as when they talk to people, and others are not.

    Raises:
        ValueError: a setting is invalid, or changes the observations or actions that the bot knows, or the
            number of dialogues is not one.
        TypeError: `env` is missing.
        ImportError: Numba is not installed.
    """
    dialogues = whole_number("dialogues", dialogues, 1, MAX_DIALOGUES)
    player = JudgedBot(bot, settings, env, uses_masks)
    if player.reads_conversations:
        reason = f"{player.name} has rules or forms, which read the conversation and not the observation"
        return sampled_report(player, reason, dialogues, seed, failures, progress)
    until = time.monotonic() + seconds
    try:
        solved = solve_chain(player, max_states, seconds)
        others, notes = _of_other_users(player, max_states, until)
    except (TooLarge, NotDeterministic) as error:
        is_random = isinstance(error, NotDeterministic) and error.is_random
        return sampled_report(player, str(error), dialogues, seed, failures, progress, is_random)
    totals, chain = solved.totals, solved.chain
    users = [Group(player.env.settings.user, 1.0, totals.success), *others]
    if solved.stopped:
        notes.insert(0, f"more than the rarest dialogues were left out: {solved.stopped}")
    followed = float(totals.by_turns.sum())
    return Report(
        bot=player.name,
        domain=player.env.domain.name,
        settings=player.settings,
        method=EXACT,
        success_rate=totals.success,
        mean_turns=sum(turns * chance for turns, chance in enumerate(totals.by_turns.tolist())) / followed,
        mean_return=totals.total_return / followed,
        states=len(chain.states),
        cut_off=totals.lost,
        turns={turns: chance for turns, chance in enumerate(totals.by_turns.tolist()) if chance},
        passes=tuple(
            sum(group.share * group.success_rate**k for group in solved.goals) for k in range(1, PASSES + 1)
        ),
        users=tuple(sorted(users, key=lambda group: group.success_rate)),
        goals=solved.goals,
        endings=endings(totals.success, totals.hung_up, totals.truncated),
        failures=tuple(_failures(player, chain, failures, notes)),
        notes=tuple(notes),
    )


def _of_other_users(player: JudgedBot, max_states: int, until: float) -> tuple[list[Group], list[str]]:
    """Return the successes with the other user profiles, and remarks on those that are too large.

    Raises:
        NotDeterministic: the policy chooses otherwise now than with the user of the settings.
    """
    fake_user = player.env.domain.fake_user
    assert fake_user is not None
    groups, notes = [], []
    for name, _ in fake_user.profiles:
        if name == player.env.settings.user:
            continue
        met = player.with_user(name)
        try:
            its = solve_chain(met, max_states, until - time.monotonic())
        except TooLarge as error:
            notes.append(f"the user {name} is left out: {error}")
        else:
            groups.append(Group(name, 0.0, its.totals.success))
    return groups, notes


def _failures(player: JudgedBot, chain: Chain, most: int, notes: list[str]) -> list[FailedDialogue]:
    """Return the likeliest failed dialogues, and add remarks on them to the notes."""
    if not most:
        return []
    search = Failures(player, chain)
    if search.is_too_large:
        notes.append(
            f"no failed dialogue is listed: {counted(len(chain.states), 'state')}, too many to search"
        )
        return []
    found = sorted(search.likeliest(most, SEED_EFFORT), key=lambda one: -(one.chance or 0.0))
    unseeded = sum(one.seed is None for one in found)
    if unseeded:
        notes.append(f"for {counted(unseeded, 'failed dialogue')} no seed was found among some millions")
    return found


def solve_chain(bot: JudgedBot, max_states: int = MAX_STATES, seconds: float = SECONDS) -> Solved:
    """Go through the dialogues of a bot's policy.

    Args:
        bot: the bot; the user and the settings of its environment are those that count.
        max_states: the largest number of states.
        seconds: the longest time.

    Raises:
        NotDeterministic: the policy keeps a memory, or does not choose by the observation alone.
        TooLarge: the budget does not suffice, or the users search a database.
    """
    tables = tables_of(bot.env)
    until = time.monotonic() + seconds
    choices = Choices(bot.env, bot.policy, bot.uses_masks)

    def chain(keeps_opening: bool) -> Chain:
        return Chain(choices, tables, keeps_opening=keeps_opening, most_states=max_states, until=until)

    try:
        found = chain(False)
        totals, stopped = _followed(found)
    except Reopened:
        found = chain(True)
        totals, stopped = _followed(found)
    return Solved(found, totals, _goals(found, totals), stopped)


def _followed(chain: Chain) -> tuple[Totals, str | None]:
    """Follow the chain as far as the budget allows, with smaller and smaller cuts; say why it ended early."""
    totals = None
    for cut in CUTS:
        try:
            totals = follow(chain, cut)
        except TooLarge as error:
            if totals is None or totals.lost > MOST_LOST:
                raise
            return totals, str(error)
    assert totals is not None
    return totals, None


def _goals(chain: Chain, totals: Totals) -> tuple[Group, ...]:
    """Return the chance of success by goal, the worst first."""
    by_name: dict[str, list[Beginning]] = defaultdict(list)
    for one in chain.beginnings:
        by_name[goal_name(chain, one.row)].append(one)
    if len(by_name) == 1:
        return (Group(next(iter(by_name)), 1.0, totals.success),)
    *_, values = Backwards(chain).values(chain.edges.chance, success=1.0, hang_up=0.0, limit=0.0)
    groups = []
    for name, beginnings in by_name.items():
        share = sum(one.chance for one in beginnings)
        success = sum(one.chance * float(values[one.state, -1]) for one in beginnings)
        groups.append(Group(name, share, success / share))
    return tuple(sorted(groups, key=lambda group: (group.success_rate, group.name)))


def goal_name(chain: Chain, row: Sequence[int]) -> str:
    """Return the name of the goal in the first row of a dialogue: its values, or the plan of the user.

    Slots whose values are only names to the bot stand together: each of their values has the same chance.
    """
    domain, tables = chain.choices.env.domain, chain.tables
    alike = chain.enumeration.symmetric
    parts = []
    if tables.is_agenda:
        parts.append(agenda_name(domain, row[AGENDA]))
    others = []
    for slot, code in enumerate(slot_codes(domain)):
        if slot in alike:
            others.append(code.slot.name)
        elif tables.goal_size[slot]:
            parts.append(f"{code.slot.name}={code.decode(row[tables.goal + slot])}")
    if others:
        parts.append(f"any {', '.join(others)}")
    return "; ".join(parts) or "any"


def agenda_name(domain: Domain, agenda: int) -> str:
    """Return the intents of a user's plan, in order."""
    assert domain.fake_user is not None
    return ", ".join(item.intent for item in domain.fake_user.agendas[agenda].items)

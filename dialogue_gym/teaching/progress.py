"""Progress of teaching: answers and time per dialogue, and the success rate after it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.entry import LABEL, MEND, STORY
from dialogue_gym.journal.history import History
from dialogue_gym.journal.labels import Label
from dialogue_gym.teaching.learner import Learner
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import unseen_success_rate

ABSENCE = 300.0
"""Seconds. After a longer pause the teacher was away, so that it does not count as time for an answer."""


@dataclass(frozen=True)
class TaughtDialogue:
    """The answers in a conversation.

    Attributes:
        conversation: the name of the conversation.
        answers: the number of answers by teachers; a fork counts its own ones only.
        corrections: the number of answers that chose another action than the proposed one.
        outcome: the outcome of the conversation; None if it has not ended.
        seconds: the median time from question to answer; None if it is not known.
        last: the entry of the last answer.
    """

    conversation: str
    answers: int
    corrections: int
    outcome: str | None
    seconds: float | None
    last: int


def dialogues(history: History) -> list[TaughtDialogue]:
    """Return the conversations with answers, in the order of their beginnings."""
    found = []
    for name in history.conversations:
        path = history.path(name)
        places = [place for place, entry in enumerate(path) if entry.is_answer and entry.conversation == name]
        if not places:
            continue
        answered = [path[place] for place in places]
        pauses = [path[place].time - path[place - 1].time for place in places if place]
        pauses = [pause for pause in pauses if pause < ABSENCE]
        found.append(
            TaughtDialogue(
                name,
                len(answered),
                sum(entry.is_correction for entry in answered),
                history.outcome(name),
                statistics.median(pauses) if pauses else None,
                answered[-1].id,
            )
        )
    return found


def success_after(domain: Domain, labels: Iterable[Label], turn_taking: str, unseen: int) -> float:
    """Return the success rate of a bot with some labels in `unseen` dialogues, from 0 to 1.

    Raises:
        ValueError: the domain has no fake user.
    """
    env = DialogueEnv(domain, turn_taking=turn_taking)
    learner = Learner(domain, env.action_names)
    learner.learn(labels)
    return unseen_success_rate(
        env,
        lambda observation, possible: env.action_names[
            int(learner.probabilities(observation, possible).argmax())
        ],
        unseen,
    )


def figures(session: Session) -> dict[str, int]:
    """Return the statistics of a store by title, without undone answers."""
    history = session.history
    in_effect = {entry.id: entry for name in history.conversations for entry in history.path(name)}
    decisions = [entry for entry in in_effect.values() if entry.kind == LABEL]
    answers = sum(entry.is_answer for entry in decisions)
    from_stories = sum(entry.content["by"] == STORY for entry in decisions)
    ended = [history.outcome(name) for name in history.conversations if not name.startswith("story ")]
    return {
        "conversations": len(ended),
        "successful conversations": ended.count("success"),
        "answers": answers,
        "corrections": sum(entry.is_correction for entry in decisions),
        "decisions from stories": from_stories,
        "decisions by the bot itself": len(decisions) - answers - from_stories,
        "corrected messages": sum(entry.kind == MEND for entry in in_effect.values()),
        "distinct situations": session.distinct_observations,
    }

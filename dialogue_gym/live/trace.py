"""From the entries of a journal to the transitions of a conversation, with their rewards.

One implementation serves the present and the past: entries are taken in as they are written, or as they are
read again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import BotUttered, UserUttered
from dialogue_gym.domain import Domain
from dialogue_gym.journal.entry import (
    COMMAND,
    DECIDES,
    END,
    EVENT,
    KEY,
    LABEL,
    LATE,
    LIVE,
    NOTE,
    PENDING,
    PERSON,
    PROCESS,
    RATING,
    RESULT,
    STEPS,
    USER,
    Entry,
    entry_events,
)
from dialogue_gym.live.decision import LiveDecision
from dialogue_gym.live.reward import LiveReward
from dialogue_gym.live.transitions import FAILURE, SUCCESS, Transition
from dialogue_gym.raters import Opinion, Rater


@dataclass(eq=False)
class _Step:
    """A decision, and its consequence once that is known."""

    entry: int
    observation: npt.NDArray[Any]
    action: str
    version: int
    rating: float = 0.0
    rater: Rater | None = None
    next_observation: npt.NDArray[Any] | None = None


@dataclass(eq=False)
class Answered:
    """A message that its sender gave a key.

    Attributes:
        said: the messages of its answer, as far as they are on record.
        text: its text.
        process: the process that answers it, where several share the store.
    """

    said: list[BotUttered]
    text: str | None
    process: str = ""


class Trace:
    """One conversation as it goes on, entry after entry.

    Attributes:
        conversation: the conversation with all events so far.
        latest: the last entry of the conversation proper; None before the first.
        entries: the number of entries.
        last: the id of the last entry; 0 before the first.
        end: the entry that ended it, if one did.
        teacher: the teacher who decides in the place of the bot; None if the bot decides.
        late: the messages since the user's last one, if a teacher was involved, or the turn was cut off: they
            did not come as the answer to it.
        is_late: whether the next messages are late in that sense.
        person: the name of the person.
        own_words: the ids of the entries with messages that teachers wrote in their own words.
        ratings: the person's own ratings, approved or not: the last value by the id of the rated entry.
        counted: the ratings that count, of the person and of teachers: the last value by the rater and the id
            of the rated entry.
        answered: the messages that the person gave keys, by their keys.
        answering: the last message, if it has a key.
    """

    def __init__(self, domain: Domain, name: str, reward: LiveReward) -> None:
        """Begin without any entry."""
        self.conversation = Conversation(domain, (), name)
        self.latest: Entry | None = None
        self.entries = self.last = 0
        self.end: Entry | None = None
        self.teacher: str | None = None
        self.late: list[BotUttered] = []
        self.is_late = False
        self.person = ""
        self.own_words: list[int] = []
        self.ratings: dict[int, float] = {}
        self.counted: dict[tuple[Rater, int], float] = {}
        self.answered: dict[str, Answered] = {}
        self.answering: Answered | None = None
        self._reward = reward
        self._is_given_back = False
        self._steps: dict[int, _Step] = {}
        self._end_rating: tuple[Rater, float] | None = None

    @property
    def is_cut_off(self) -> bool:
        """Whether nobody went on with a turn of the bot's, or with what a teacher has given back.

        A turn is written down as a whole, but for its part up to an action that acts on the world.
        """
        return self._is_given_back or (self.latest is not None and self.latest.kind in (USER, LABEL))

    @property
    def has_begun(self) -> bool:
        """Whether the person has written anything."""
        return any(isinstance(event, UserUttered) for event in self.conversation.events)

    @property
    def decisions(self) -> tuple[int, ...]:
        """The ids of the entries of the bot's decisions, one for each action that it has done."""
        return tuple(self._steps)

    @property
    def last_decision(self) -> int | None:
        """The id of the entry of the last decision that the bot made."""
        return next(reversed(self._steps), None)

    @property
    def last_rateable(self) -> int | None:
        """The id of the entry that a rating is about by default: the end, else the last reply."""
        if self.end is not None:
            return self.end.id
        return max((*self._steps, *self.own_words), default=None)

    def can_rate(self, entry: int) -> bool:
        """Return whether an entry is a decision of the bot, a teacher's own words, or the end."""
        is_end = self.end is not None and entry == self.end.id
        return is_end or entry in self._steps or entry in self.own_words

    def take(self, entry: Entry) -> list[Transition]:
        """Apply the next entry; return the transitions that can be learned now and could not before.

        Raises:
            StoreError: the content of the entry does not fit its kind.
            DomainError: the entry names an action or a slot that the domain does not have.
        """
        found = self.record(entry, self.conversation.observation() if entry.kind == LABEL else None)
        if entry.kind in STEPS:
            self.conversation.extend(entry_events(entry))
        return found

    def record(self, entry: Entry, observation: npt.NDArray[Any] | None = None) -> list[Transition]:
        """Take in the next entry, whose events are in the conversation already; otherwise as `take`.

        Args:
            entry: the entry as it was written down.
            observation: the observation, shape (components,), if the entry is a decision.
        """
        self.entries, self.last = self.entries + 1, entry.id
        if entry.kind == RATING and entry.author == PERSON:
            self.ratings[entry.content["about"]] = float(entry.content["value"])
        if entry.kind == RATING and entry.content.get(PENDING):
            return []
        if entry.kind == RATING:
            rater = Rater(self.person) if entry.author == PERSON else Rater(entry.author, is_teacher=True)
            about, value = entry.content["about"], entry.content["value"]
            self.counted[rater, about] = value
            return self._rate(rater, about, value)
        self.person = entry.content.get(LIVE, self.person)
        if entry.kind == NOTE:
            self._take_note(entry.content)
        if entry.kind not in STEPS:
            return []
        self.latest, self._is_given_back = entry, False
        if entry.kind == END:
            self.end = entry
            self.conversation.outcome = entry.content["outcome"]
            return self._ended()
        if entry.kind == USER:
            self.is_late, self.late = self.teacher is not None, []
            if self.answering is not None and self.answering.text is None:
                self.answering.text = entry.content["text"]
            else:
                self.answering = None
        elif entry.kind in (RESULT, EVENT):
            self._hear(entry)
        return [] if observation is None else self._decided(entry, observation)

    def _take_note(self, note: Mapping[str, Any]) -> None:
        if DECIDES in note:
            self.teacher = note[DECIDES]
            self._is_given_back = self.teacher is None
        self.is_late |= bool(note.get(LATE))
        command = note.get(COMMAND)
        if KEY in note:
            self.answering = Answered(list(self.late), command, note.get(PROCESS, ""))
            self.answered[note[KEY]] = self.answering
        elif command is not None:
            self.answering = None
        if command is not None:
            self.is_late, self.late = self.teacher is not None, []

    def _hear(self, entry: Entry) -> None:
        """Take in the messages of the bot, or of a teacher in its place."""
        said = [event for event in entry_events(entry) if isinstance(event, BotUttered)]
        is_own = entry.kind == EVENT and any(event.teacher for event in said)
        if is_own:
            self.own_words.append(entry.id)
        # The answer to a command, or to what was not understood, follows no decision and is not late.
        is_late = self.is_late and (is_own or entry.kind == RESULT)
        if is_late:
            self.late += said
        if self.answering and (not is_late or (self.teacher is None and not is_own)):
            self.answering.said += said

    def _decided(self, entry: Entry, observation: npt.NDArray[Any]) -> list[Transition]:
        before = self._last_step()
        made = LiveDecision.read(entry.content)
        self._steps[entry.id] = _Step(entry.id, observation, made.action, made.version)
        if before is None:
            return []
        before.next_observation = observation
        return [self._transition(before)]

    def _last_step(self) -> _Step | None:
        last = self.last_decision
        return None if last is None else self._steps[last]

    def situations(self) -> Iterator[tuple[int, npt.NDArray[Any], str]]:
        """Yield the bot's decisions: the id of the entry, the observation and the action."""
        for step in self._steps.values():
            yield step.entry, step.observation, step.action

    def opinions(self) -> Iterator[Opinion]:
        """Yield the opinions in the ratings that count, on the whole, or on an action in a situation."""
        for (rater, about), value in self.counted.items():
            step = self._steps.get(about)
            if step is not None:
                yield Opinion(rater, (step.observation.tobytes(), step.action), value)
            elif self.end is not None and about == self.end.id:
                yield Opinion(rater, self.conversation.sender_id, value)

    @property
    def is_success(self) -> bool | None:
        """Whether the person had what they wanted; None if that is unknown, or has not been decided yet."""
        outcome = self.conversation.outcome
        knows = self.conversation.domain.fake_user is not None and outcome in (SUCCESS, FAILURE)
        return outcome == SUCCESS if knows else None

    def rated_by(self, raters: Container[Rater]) -> list[Transition]:
        """Return the transitions with a rating by one of some raters, to amend those that were learned.

        They have no `satisfaction`, as that was told when they were rated.
        """
        steps = self._steps.values()
        found = [
            self._transition(step)
            for step in steps
            if step.rater in raters and step.next_observation is not None
        ]
        last = self._last_step()
        at_end = {last.rater if last else None, self._end_rating[0] if self._end_rating else None}
        found += self._ended() if any(rater in raters for rater in at_end) else []
        return [replace(one, satisfaction=None, only_amends=True) for one in found]

    def _rate(self, rater: Rater, about: int, value: float) -> list[Transition]:
        if self.end is not None and about == self.end.id:
            self._end_rating = rater, value
            return self._ended()
        step = self._steps.get(about)
        if step is None:
            return []
        step.rater, step.rating = rater, value
        if step.next_observation is not None:
            return [self._transition(step)]
        return self._ended() if self.end is not None else []

    def _ended(self) -> list[Transition]:
        """Return the last transition, if the reward of the end is known."""
        last = self._last_step()
        if last is None or self.end is None:
            return []
        satisfaction = self._satisfaction(self.end.content["outcome"])
        return [] if satisfaction is None else [self._transition(last, satisfaction)]

    def _satisfaction(self, outcome: str | None) -> float | None:
        if self._end_rating is not None:
            rater, value = self._end_rating
            rated, weight = (min(max(value, -1.0), 1.0) + 1) / 2, self._reward.weight(rater)
            otherwise = 0.5 if self.is_success is None else float(self.is_success)
            return weight * rated + (1 - weight) * otherwise
        if self._reward.counts_outcome and outcome in (SUCCESS, FAILURE):
            return float(outcome == SUCCESS)
        return None

    def _transition(self, step: _Step, satisfaction: float | None = None) -> Transition:
        reward = self._reward.of_step(step.action)
        if step.rater is not None:
            reward += self._reward.rating * self._reward.weight(step.rater) * step.rating
        is_over = satisfaction is not None
        if satisfaction is not None:
            reward += self._reward.of_end(satisfaction)
        following = step.next_observation
        if following is None:
            following = self.conversation.observation()
        return Transition(
            step.entry,
            step.observation,
            step.action,
            reward,
            following,
            is_over,
            step.version,
            satisfaction,
        )


def take_entry(trace: Trace, entry: Entry, reward: LiveReward) -> list[Transition]:
    """Apply the next entry, and let it change the weights of raters; otherwise as `Trace.take`."""
    found = trace.take(entry)
    if reward.weights is not None and entry.kind == RATING and not entry.content.get(PENDING):
        found += reward.weights.take(entry, reward)
    return found


def trace_of(domain: Domain, name: str, reward: LiveReward, entries: Iterable[Entry]) -> Trace:
    """Return a conversation that is on record."""
    trace = Trace(domain, name, reward)
    for entry in entries:
        trace.take(entry)
    return trace

"""The game: dialogues in which a person chooses the bot's actions. No input or output."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dialogue_gym._text import visible
from dialogue_gym.conversation.events import ActionExecuted, BotUttered, UserUttered
from dialogue_gym.conversation.transcripts import USER_SIDE, Bubble, bubbles, first_text, shown_value
from dialogue_gym.conversation.user_act import act_of
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.model import LISTEN
from dialogue_gym.domain.sources import Source
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.base import ExpertPolicy

_SEEDS = 100_000
"""Seeds of dialogues that nobody has chosen: few digits, since people type them again."""


@dataclass(frozen=True)
class Move:
    """A possible action of the bot.

    Attributes:
        number: the place of the action among all of them, from 1, which it keeps.
        action: its name.
        says: the text that it would say now; empty if it says nothing.
    """

    number: int
    action: str
    says: str


@dataclass(frozen=True)
class GameResult:
    """The end of a dialogue.

    Attributes:
        outcome: `"success"`, `"failure"` or `"truncated"`.
        steps: the number of actions.
        score: the sum of the rewards.
    """

    outcome: str
    steps: int
    score: float

    @property
    def is_success(self) -> bool:
        """Whether the user has what they wanted."""
        return self.outcome == "success"


class Game:
    """One dialogue, in which a person is the bot.

    Attributes:
        seed: the seed of the dialogue.
        env: the environment; the person sees no more of it than a bot does.
        score: the sum of the rewards so far.
        steps: the number of actions so far.
    """

    def __init__(self, domain: Domain | Source, settings: Mapping[str, Any], seed: int) -> None:
        """Begin the dialogue, which the user opens.

        Args:
            domain: a domain with a fake user, or its file or name.
            settings: arguments of `DialogueEnv`.
            seed: decides the dialogue.

        Raises:
            ValueError: a setting is out of bounds.
            TypeError: a setting is unknown.
        """
        self.seed = seed
        domain = load_domain(domain)
        self.env = DialogueEnv(domain, **settings)
        self.score, self.steps = 0.0, 0
        self._settings = dict(settings)
        self._observation, self._info = self.env.reset(seed=seed)
        self._expert = ExpertPolicy(self.env) if domain.expert else None
        self._speaker = Speaker(domain, seed)

    @property
    def is_over(self) -> bool:
        """Whether the dialogue has ended."""
        return self.env.conversation.outcome is not None

    @property
    def is_noisy(self) -> bool:
        """Whether the bot may mishear the user."""
        return bool(self.env.tables.is_noisy)

    @property
    def moves(self) -> list[Move]:
        """The actions that are possible now, in the domain's order; none once the dialogue is over."""
        if self.is_over:
            return []
        possible = zip(self.env.action_names, self._info["action_mask"], strict=True)
        return [
            Move(number, action, self._says(action))
            for number, (action, is_possible) in enumerate(possible, 1)
            if is_possible
        ]

    def _says(self, action: str) -> str:
        if action == LISTEN:
            return first_text(self.env.domain, action)
        events = self.env.foresee(action)
        texts = [event.text for event in events if isinstance(event, BotUttered) and event.text]
        return visible(" ".join(texts))

    def do(self, action: str) -> None:
        """Do an action of the bot; the user answers if it is their turn.

        Raises:
            ValueError: the action is unknown or not possible now.
        """
        if action not in [move.action for move in self.moves]:
            raise ValueError(f"{action!r} is not possible now")
        self._step(action)

    def _step(self, action: str) -> None:
        self._observation, reward, _, _, self._info = self.env.step(self.env.action_names.index(action))
        self.score += float(reward)
        self.steps += 1

    @property
    def hint(self) -> tuple[str, ...]:
        """The actions that the domain's expert regards as right now, the preferred one first."""
        if self._expert is None or self.is_over:
            return ()
        names = self.env.action_names
        return tuple(names[action] for action in self._expert.right_actions(self._observation))

    @property
    def known(self) -> list[tuple[str, str]]:
        """The bot's knowledge, as pairs of a title and a text: slots, and venues where users search."""
        conversation = self.env.conversation
        labels = self.env.describe(self._observation)
        pairs = []
        for slot in self.env.domain.slots:
            if not slot.is_observed:
                continue
            value, text = conversation.slots[slot.name], shown_value(conversation.slots[slot.name])
            if self.is_noisy and value is not None:
                text += f" ({labels[f'confidence.{slot.name}']} confidence)"
            pairs.append((slot.name, text))
        search = conversation.search
        return pairs + (search.lines() if search else [])

    @property
    def chat(self) -> list[Bubble]:
        """The dialogue as the bot knows it: under noise, the user's sentences are those that it heard."""
        events = self.env.conversation.events
        return [
            dataclasses.replace(bubble, texts=[self._heard(bubble.place)])
            if bubble.side == USER_SIDE and self.is_noisy
            else bubble
            for bubble in bubbles(events)
        ]

    def _heard(self, place: int) -> str:
        message = self.env.conversation.events[place]
        assert isinstance(message, UserUttered)
        act = act_of(message, self.env.domain)
        return visible(self._speaker.at(str(place)).user(act.intent, act.told, act, act.asked))

    @property
    def misheard(self) -> list[tuple[str, str]]:
        """The sentences that the bot misheard, as pairs: the words that it heard, and those of the user."""
        messages = enumerate(self.env.conversation.events)
        return [
            (self._heard(place), visible(message.text or ""))
            for place, message in messages
            if isinstance(message, UserUttered) and message.meant not in (None, message.act)
        ]

    @property
    def result(self) -> GameResult:
        """The end of the dialogue.

        Raises:
            RuntimeError: it has not ended.
        """
        if (outcome := self.env.conversation.outcome) is None:
            raise RuntimeError("the dialogue goes on")
        return GameResult(outcome, self.steps, self.score)

    @property
    def actions(self) -> list[str]:
        """The actions so far."""
        events = self.env.conversation.events
        return [event.name for event in events if isinstance(event, ActionExecuted)]

    @cached_property
    def of_expert(self) -> Game | None:
        """The same dialogue, played by the domain's expert; None without one."""
        if self._expert is None:
            return None
        game = Game(self.env.domain, self._settings, self.seed)
        while not game.is_over:
            game._step(game.hint[0])  # which may be impossible, and then has no effect
        return game


class Match:
    """Dialogues one after the other; the seed of each is one more than that before it.

    Attributes:
        domain: their domain.
        settings: their settings, arguments of `DialogueEnv`.
        seed: the seed of the first.
        games: the dialogues so far, of which the last one may go on.
    """

    def __init__(self, domain: Domain | Source, settings: Mapping[str, Any], seed: int) -> None:
        """Begin the first dialogue.

        Raises:
            ValueError: a setting is out of bounds.
        """
        self.domain, self.settings, self.seed = load_domain(domain), dict(settings), seed
        self.games: list[Game] = []
        self.begin()

    def begin(self) -> Game:
        """Begin the next dialogue, and return it."""
        self.games.append(Game(self.domain, self.settings, self.seed + len(self.games)))
        return self.games[-1]

    @property
    def game(self) -> Game:
        """The dialogue that was begun last."""
        return self.games[-1]

    @property
    def results(self) -> list[tuple[GameResult, GameResult | None]]:
        """The results of the dialogues that have ended, each with that of the expert, if there is one."""
        return [
            (game.result, game.of_expert.result if game.of_expert else None)
            for game in self.games
            if game.is_over
        ]


def new_seed() -> int:
    """Return a random seed for a match."""
    return random.SystemRandom().randrange(_SEEDS)

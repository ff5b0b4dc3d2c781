"""A dialogue as text: a user who speaks in sentences, and a bot that replies in text."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dialogue_gym._text import nearest
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.effects import service_text
from dialogue_gym.conversation.search_state import service_of
from dialogue_gym.conversation.user_act import ActReader
from dialogue_gym.conversation.wording import Speaker
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.observation import slot_codes
from dialogue_gym.domain.sources import Source
from dialogue_gym.envs.options import fold, read_options, read_seed
from dialogue_gym.envs.settings import make_settings
from dialogue_gym.envs.simulation import Simulation
from dialogue_gym.rules import allowed
from dialogue_gym.rules.tables import FAILURE, LISTENING, RANDOM, SUCCESS, TURN, TURNS
from dialogue_gym.text.replies import Call, NameReader, Reply, ReplyError, ReplyReader, ToolReader
from dialogue_gym.text.tools import instructions, needs_text

MODES = ("names", "tools", "free")
"""The ways to act: the name of an action, the call of one as a tool, or a sentence."""
TEXT_SETTINGS: dict[str, Any] = {
    "semantic_error_rate": None,
    "user": "standard",
    "patience": None,
    "informativeness": None,
    "indecisiveness": None,
    "correction_rate": None,
    "reward": None,
    "max_episode_steps": None,
}
"""The settings of dialogues in text, with their defaults."""
_SEEDS = 2**63


@dataclass(frozen=True, slots=True)
class TextStep:
    """The results of a reply.

    Attributes:
        message: the text for whoever replied: remarks in brackets, then the user's next sentence.
        reward: the reward, as in `DialogueEnv`.
        is_over: whether the dialogue is over.
        is_success: whether it ended in success.
        is_truncated: whether the limit of steps is reached.
        is_terminated: whether it ended by itself, in success or since the user hung up; it can be both.
        action: the action that was done; None if the reply was not understood.
    """

    message: str
    reward: float
    is_over: bool
    is_success: bool
    is_truncated: bool
    is_terminated: bool
    action: str | None


class TextDialogue:
    """Dialogues with the fake user of a domain in text, one after the other, without input or output.

    The same seed and replies give the same texts, byte for byte. Turn taking is automatic. The bot's
    knowledge is not shown: sentences are all that there is.

    Attributes:
        mode: the way to act: `"names"`, the name of an action, `"tools"`, the call of one, or `"free"`, a
            sentence to the user.
        instructions: a system prompt for this domain and mode.
        domain: the domain.
    """

    def __init__(self, domain: Source | Domain, mode: str = "names", **settings: Any) -> None:
        """Prepare dialogues.

        Args:
            domain: path of a domain file, name of a built-in domain, or a `Domain`.
            mode: the way to act.
            **settings: those of `DialogueEnv` that concern the user, the reward and the length.

        Raises:
            DomainError: the domain cannot be used, or it has no fake user.
            ValueError: an argument is out of bounds; the message names the argument.
        """
        self.domain: Domain = load_domain(domain)
        if mode not in MODES:
            raise ValueError(f"mode={mode!r}: unknown mode; {nearest(str(mode), MODES)}")
        self.mode = mode
        self._simulation = Simulation(self.domain, make_text_settings(self.domain, settings))
        self._tables = self._simulation.tables
        self._reader = _reader(mode, self.domain)
        self._acts = ActReader(self.domain, self._tables)
        self._index = {name: index for index, name in enumerate(self.domain.actions)}
        self._codes = slot_codes(self.domain)
        self.instructions = instructions(
            self.domain, mode, tuple(self._reader.tools.values()), self._tables.patience
        )
        self._speaker = self._bot = Speaker(self.domain, 0)

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The actions as the chat-completions protocol describes functions."""
        return [tool.schema() for tool in self._reader.tools.values()]

    @property
    def conversation(self) -> Conversation:
        """The dialogue so far in words, as the bot understood it."""
        return self._simulation.conversation

    @property
    def turns(self) -> int:
        """The number of the user's messages so far."""
        return self._simulation.row[TURNS]

    @property
    def is_over(self) -> bool:
        """Whether no dialogue is in progress."""
        return self._simulation.is_over

    @property
    def has_begun(self) -> bool:
        """Whether a dialogue has begun; before that there is no chance to go on with."""
        return self._simulation.has_begun

    @property
    def step_limit(self) -> int:
        """The number of steps after which a dialogue is truncated."""
        return self._simulation.step_limit

    @step_limit.setter
    def step_limit(self, steps: int) -> None:
        self._simulation.step_limit = steps

    def set_chance(self, seed: int) -> None:
        """Let all chance follow from a seed from now on."""
        self._simulation.set_chance(fold(read_seed(seed)))

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> str:
        """Begin a dialogue; return the user's first sentence.

        Args:
            seed: decides this dialogue and, where no other seed is given, all that follow.
            options: `goal` and `user`, as in `DialogueEnv.reset`.

        Raises:
            ValueError: an option is unknown, or the seed is negative.
            TypeError: the options are not a mapping, or the seed is not an integer.
        """
        chosen = read_options(options, self.domain)
        if seed is not None:
            self.set_chance(seed)
        elif not self.has_begun and not self._simulation.row[RANDOM]:
            self.set_chance(random.SystemRandom().randrange(_SEEDS))
        self._simulation.begin(chosen)
        self._tables = self._simulation.tables
        self._speaker = Speaker(self.domain, self._simulation.row[RANDOM])
        self._bot = self._speaker.at("bot")
        return self._sentence()

    def step(self, reply: Reply) -> TextStep:
        """Act. A reply that is not understood is a useless turn, and the message says why.

        Raises:
            RuntimeError: no dialogue is in progress.
        """
        if self._simulation.is_over:
            raise RuntimeError("no dialogue is in progress: call reset() first")
        try:
            call = self._reader.read(reply)
        except ReplyError as error:
            return self._step(LISTENING, None, [f"not understood: {error}"])
        if call.values:
            self._simulation.store(call.values)
        index = self._index[call.action]
        notes = []
        if allowed(self._simulation.row, self._tables, index):
            if self._tables.is_search and (said := self._service(call.action)):
                notes.append(f"you said: {said}")
        else:
            needs = needs_text(self.domain.action_model(call.action).needs)
            notes.append(f"{call.action} was not possible: it needs {needs}")
        return self._step(index, call, notes)

    def _step(self, index: int, call: Call | None, notes: list[str]) -> TextStep:
        simulation, tables = self._simulation, self._tables
        events, is_truncated = simulation.step(index)
        is_success = events & SUCCESS != 0
        has_left = is_success and (tables.is_agenda or tables.is_search)
        sentence = self._sentence() if events & TURN and not has_left else ""
        if not events & TURN and not is_truncated:
            notes.append("the user is waiting")
        if is_success:
            ending = "the user has what they want"
        elif events & FAILURE:
            ending = "the user has hung up"
        else:
            ending = "the dialogue was cut off" if is_truncated else ""
        lines = [*(f"({note})" for note in notes), sentence, f"({ending})" if ending else ""]
        return TextStep(
            "\n".join(filter(None, lines)),
            tables.event_reward[events] + tables.action_reward[index],
            simulation.is_over or is_truncated,
            is_success,
            is_truncated,
            events & (SUCCESS | FAILURE) != 0,
            call.action if call else None,
        )

    def _sentence(self) -> str:
        """Return the user's last message; under noise as the bot heard it."""
        row = self._simulation.row
        act = self._acts.heard(row) if self._tables.is_noisy else self._acts.said(row)
        return self._speaker.user(act.intent, act.told, act, act.asked)

    def _service(self, action: str) -> str | None:
        """Return the text of an offer or an answer, if it were done now: it comes from the database."""
        row = self._simulation.row
        service = service_of(row, self._tables, self.domain, action)
        if service is None:
            return None
        codes = enumerate(self._codes, self._tables.values)
        slots = {code.slot.name: code.decode(row[at]) for at, code in codes}
        return service_text(action, self.domain, self._bot, slots, service)


@functools.lru_cache(maxsize=16)
def _reader(mode: str, domain: Domain) -> ReplyReader:
    """Return the reader of replies, which many dialogues share: for sentences it trains an interpreter."""
    if mode == "free":
        from dialogue_gym.text.sentences import SentenceReader  # needs the extra nlu

        return SentenceReader(domain)
    return NameReader(domain) if mode == "names" else ToolReader(domain)


def make_text_settings(domain: Domain, given: Mapping[str, Any]) -> Any:
    """Return the settings of dialogues in text; see `DialogueEnv` for each.

    Raises:
        ValueError: one is unknown or out of bounds; the message names it.
    """
    for name in given:
        if name not in TEXT_SETTINGS:
            raise ValueError(f"unknown setting {name!r}; {nearest(name, TEXT_SETTINGS)}")
    return make_settings(domain, turn_taking="auto", shaping=0.0, **TEXT_SETTINGS | dict(given))

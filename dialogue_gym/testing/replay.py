"""The user's turns of stories, said again to a bot, whose actions are compared with those of the stories."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dialogue_gym._http import run_coroutine
from dialogue_gym._text import quoted
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, UserUttered
from dialogue_gym.conversation.form import form_actions
from dialogue_gym.conversation.transcripts import transcript
from dialogue_gym.domain import Domain
from dialogue_gym.domain.default_names import DEFAULT_ACTIONS
from dialogue_gym.stories import Story, expand
from dialogue_gym.testing.bots import BotError, BotReply, ForeignBot
from dialogue_gym.testing.dialogue import record
from dialogue_gym.testing.reading import Deed, DeedReader


@dataclass(frozen=True)
class ReplayedStory:
    """A story that was said again.

    Attributes:
        name: its name.
        conversation: the dialogue with the bot.
        difference: the first difference between the bot's actions and those of the story; None without one.
    """

    name: str
    conversation: Conversation
    difference: str | None

    def lines(self) -> list[str]:
        """Return a heading and the dialogue, line by line."""
        verdict = self.difference or "the bot did the same"
        return [f"{self.name}: {verdict}", *transcript(self.conversation)]


def replay_stories(bot: ForeignBot, domain: Domain, stories: Iterable[Story]) -> list[ReplayedStory]:
    """Say the user's turns of stories to a bot again, each in a conversation of its own.

    A message is sent as its text, or without one in the fixed format. Checkpoints and ORs are resolved, rules
    are left out. A story ends at the first difference. Rasa's own actions are not compared, and without a
    tracker neither are forms and their questions, since a form asks like any other action.

    Raises:
        ValueError: the stories have no user's turn.
        ImportError: a package of the extra `nlu` is missing.
    """
    domain = bot.domain or domain
    reader = DeedReader(domain)
    parts = [(story.name, _turns(story)) for story in expand(stories, domain)]
    parts = [(name, turns) for name, turns in parts if turns]
    if not parts:
        raise ValueError("the stories have no user's turn")

    async def all_of_them() -> list[ReplayedStory]:
        try:
            return [await _replay(bot, reader, domain, *part) for part in parts]
        finally:
            await bot.close()

    return run_coroutine(all_of_them())


def _turns(story: Story) -> list[tuple[UserUttered, list[str]]]:
    """Return the user's messages of a story, each with the actions that follow it."""
    turns: list[tuple[UserUttered, list[str]]] = []
    for step in story.steps:
        if isinstance(step, UserUttered):
            turns.append((step, []))
        elif isinstance(step, ActionExecuted) and turns and step.name not in DEFAULT_ACTIONS:
            turns[-1][1].append(step.name)
    return turns


async def _replay(
    bot: ForeignBot,
    reader: DeedReader,
    domain: Domain,
    name: str,
    turns: Sequence[tuple[UserUttered, list[str]]],
) -> ReplayedStory:
    conversation = Conversation(domain)
    sender = f"test-{secrets.token_hex(8)}"
    for message, expected in turns:
        conversation.append(message)
        try:
            reply = await bot.reply(sender, message.text or f"/{message.act}")
        except BotError as error:
            return ReplayedStory(name, conversation, str(error))
        deeds = reader.read(reply.messages, reply.done)
        for deed in deeds:
            record(conversation, deed)
        wanted, done = expected, _done(domain, reply, deeds)
        if reply.done is None:
            unseen = _without_tracker(domain)
            wanted = [one for one in wanted if one not in unseen and domain.action_model(one).speaks]
            done = [one for one in done if one not in unseen]
        if done != wanted:
            said = quoted(message.text or message.act)
            return ReplayedStory(
                name, conversation, f"after {said} the bot did {_listed(done)}, the story {_listed(wanted)}"
            )
    return ReplayedStory(name, conversation, None)


def _done(domain: Domain, reply: BotReply, deeds: Iterable[Deed]) -> list[str | None]:
    """Return the actions of a turn, or the faults in their place, without Rasa's own ones."""
    forms = {form.name for form in domain.forms}
    done: Iterable[str | None] = (deed.action or deed.fault for deed in deeds)
    if reply.done is not None and not forms.isdisjoint(reply.done):
        done = reply.done  # the deeds have the questions of a form, which are no actions of their own
    return [one for one in done if one not in DEFAULT_ACTIONS]


def _without_tracker(domain: Domain) -> set[str]:
    """Return the actions that are not told apart from others without a tracker."""
    of_forms = {one for form in domain.forms for one in (form.name, *form_actions(domain, form))}
    return of_forms | set(filter(None, DEFAULT_ACTIONS.values()))


def _listed(names: Sequence[str | None]) -> str:
    return ", ".join(map(str, names)) or "nothing"

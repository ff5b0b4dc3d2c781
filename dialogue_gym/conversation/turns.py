"""The turns of a conversation: the side to move, and the end."""

from __future__ import annotations

from collections.abc import Sequence

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from dialogue_gym.domain import Domain
from dialogue_gym.domain.model import LISTEN, RESTART
from dialogue_gym.rules.tables import MAX_UNHEARD


def is_users_turn(conversation: Conversation, turn_taking: str) -> bool:
    """Return whether the bot waits for the user: it listens, or with automatic turn taking has spoken.

    At the beginning it does, and after ten actions without a word from the user as well. A message that a
    person wrote in the place of the bot hands the turn over, too. After a form that has ended, or declined,
    the bot goes on.
    """
    done = 0
    forms = {form.name for form in conversation.domain.forms}
    goes_on = False
    for event in reversed(conversation.events):
        if isinstance(event, UserUttered):
            return done >= MAX_UNHEARD
        if isinstance(event, BotUttered) and event.writer:
            return True
        if isinstance(event, (ActiveLoop, ActionExecutionRejected)):
            goes_on |= isinstance(event, ActionExecutionRejected) or event.name is None
        if isinstance(event, ActionExecuted):
            done += 1
            has_ended_form, goes_on = goes_on and event.name in forms, False
            if has_ended_form:
                continue
            is_auto = turn_taking == "auto"
            if conversation.domain.action_model(event.name).speaks if is_auto else event.name == LISTEN:
                return True
    return True


def has_ended(conversation: Conversation, turn_taking: str = "auto") -> bool:
    """Return whether the user has what they wanted, by the fake user's signs of it.

    A goal-driven dialogue ends when a suggestion is affirmed, an agenda when its last item is answered and
    the turn handed over, and a search when thanks for an accepted venue are answered by a goodbye. A domain
    without a fake user does not say when a dialogue is over.
    """
    # The rules decide by the hidden goal or agenda of a fake user. A person has none that the library
    # could read, so success is recognised by the messages; tests/test_chat.py holds the two equal.
    user = conversation.domain.fake_user
    events = conversation.events
    said = [index for index, event in enumerate(events) if isinstance(event, UserUttered)]
    if user is None or not said:
        return False
    message = events[said[-1]]
    assert isinstance(message, UserUttered)
    if user.kind == "goal":
        answered = _last_said(conversation.domain, events[: said[-1]])
        judged = answered is not None and conversation.domain.action_model(answered).reaction == "judge"
        return said[-1] == len(events) - 1 and judged and message.intent == dict(user.intents)["affirm"]
    answer = _last_said(conversation.domain, events)
    hands_over = conversation.latest_action == (LISTEN if turn_taking == "explicit" else answer)
    if (search := conversation.search) is not None:
        has_thanked = message.intent == dict(user.intents)["thank"] and search.offer == "accepted"
        says_goodbye = answer is not None and conversation.domain.action_model(answer).reaction == "bye"
        return hands_over and has_thanked and says_goodbye
    lasts = (agenda.items[-1] for agenda in user.agendas)
    return hands_over and any(message.intent == item.intent and answer in item.answers for item in lasts)


def slot_in_question(conversation: Conversation) -> str | None:
    """Return the slot that the bot's last question to a user who searches is about; None without one."""
    said = _last_said(conversation.domain, conversation.events)
    model = conversation.domain.action_model(said) if said else None
    return model.slot if model and model.reaction in ("request", "confirm", "select") else None


def before_last_turn(conversation: Conversation) -> tuple[Event, ...]:
    """Return the events before the user's last message; those after a restart are kept if there is none."""
    for index in range(len(conversation) - 1, -1, -1):
        event = conversation.events[index]
        if isinstance(event, UserUttered):
            return conversation.events[:index]
        if isinstance(event, (Restarted, SessionStarted)):
            break
    return conversation.events


def new_session(conversation: Conversation) -> tuple[Event, ...]:
    """Return the events of a new session, which has the slots so far, as Rasa's has by default."""
    known = Conversation(conversation.domain).slots
    slots = [(name, value) for name, value in conversation.slots.items() if value != known[name]]
    return (SessionStarted(), *(SlotSet(name, value) for name, value in slots))


def _last_said(domain: Domain, events: Sequence[Event]) -> str | None:
    """Return the last action since the user's message that the user noticed.

    None after a restart: the user then begins anew, whatever follows.
    """
    said: str | None = None
    for event in reversed(events):
        if isinstance(event, UserUttered):
            break
        if not isinstance(event, ActionExecuted) or event.name == LISTEN:
            continue
        if event.name == RESTART:
            return None
        if said is None and domain.action_model(event.name).speaks:
            said = event.name
    return said

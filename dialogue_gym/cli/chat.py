"""`dialogue-gym chat`: talk to an agent in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_gym.bot import Bot
from dialogue_gym.chatting import RESTART_COMMAND, Chat
from dialogue_gym.cli.parts import ActionsOption, DomainName, NluOption, make_interpreter, make_runner
from dialogue_gym.cli.prompting import Prompt
from dialogue_gym.domain import Domain
from dialogue_gym.domain.parse import builtin_names
from dialogue_gym.interpreter import CombinedInterpreter
from dialogue_gym.teaching.taught import is_store, taught_agent
from dialogue_gym.trained import Agent, load_agent

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

_PROMPT = "you > "
_THOUGHTS = "?"


def chat(
    source: DomainName,
    *,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help="pretrained, expert, random, or a folder that `teach` or `python -m agents train` wrote",
        ),
    ] = None,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="of the choice among several texts")] = 0,
) -> None:
    """Talk to a trained agent, in plain English or in the fixed format."""
    domain = Domain.load(source)
    loaded: Agent | None
    if agent and is_store(Path(agent)):
        domain, loaded = taught_agent(Path(agent), domain)
    else:
        loaded = load_agent(agent, domain, is_builtin=source in builtin_names())
    runner = make_runner(source, domain, actions, seed)
    interpreter = make_interpreter(source, domain, nlu, seed)
    talk = Chat(Bot(domain, loaded, runner), interpreter)
    for line in _greeting(talk, source, isinstance(interpreter, CombinedInterpreter)):
        print(line)
    prompt = Prompt()
    keys = _keys(prompt, talk)
    while (text := prompt.read(_PROMPT, keys)) is not None:
        for line in talk.thoughts() if text.strip() == _THOUGHTS else talk.say(text):
            print(line)


def _greeting(talk: Chat, source: str, knows_words: bool) -> Iterator[str]:
    domain, agent = talk.bot.domain, talk.bot.agent
    if agent:
        yield f"{domain.name}, with the agent {agent.name!r}."
    else:
        yield (
            f"{domain.name}: there is no agent for this domain, so the bot only listens. Teach it:"
            f" dialogue-gym teach {source}, and then chat with --agent {domain.name}-teaching."
        )
    example = f"/{domain.intents[0]}" if domain.intents else "/greet"
    words = "in plain words" if knows_words else "in the fixed format alone (for plain words give --nlu)"
    yield f"Talk to it {words}, {'or as ' if knows_words else 'as '}{example}."
    yield f"{_THOUGHTS} shows what it thinks, {RESTART_COMMAND} begins anew, Ctrl-D ends."


def _keys(prompt: Prompt, talk: Chat) -> KeyBindings | None:
    """Return the key that shows what the bot thinks, where there are keys."""
    if (session := prompt.session) is None:
        return None
    from prompt_toolkit.application import run_in_terminal
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add(_THOUGHTS, filter=Condition(lambda: not session.default_buffer.text))
    def show(event: KeyPressEvent) -> None:
        run_in_terminal(lambda: print("\n".join(talk.thoughts())))

    return keys

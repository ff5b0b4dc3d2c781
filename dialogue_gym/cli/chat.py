"""`dialogue-gym chat`: talk to an agent in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from dialogue_gym._text import as_typed, printable
from dialogue_gym.chat import RESTART_COMMAND, Bot, Chat
from dialogue_gym.cli.options import (
    ActionsOption,
    AgentOption,
    DomainName,
    FallbackOption,
    NluOption,
    SeedOption,
    StoriesOption,
    TrustOption,
)
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.sources import builtin_names
from dialogue_gym.factory import chat_stories, domain_notes, how_to_talk, make_runner, unused_code
from dialogue_gym.journal.location import store_named
from dialogue_gym.live.policy import find_agent
from dialogue_gym.nlu.interpreter import FALLBACK
from dialogue_gym.stories import check_actions, with_names_of
from dialogue_gym.stories.rulebook import RuleBook
from dialogue_gym.teaching.policy import story_agent
from dialogue_gym.teaching.startup import await_training, for_people, make_interpreter
from dialogue_gym.terminal import SCORES, Prompt, divert_log, scores_key

_PROMPT = "you > "


def chat(
    source: DomainName,
    *,
    agent: AgentOption = None,
    trust: TrustOption = False,
    nlu: NluOption = None,
    actions: ActionsOption = None,
    stories: StoriesOption = None,
    fallback: FallbackOption = FALLBACK,
    seed: SeedOption = 0,
) -> None:
    """Talk to a trained agent, in plain English or in the fixed format."""
    divert_log()
    if agent and stories:
        raise ValueError("--agent, --stories: give only one of the two")
    domain = load_domain(source)
    for note in (*domain_notes(source), *unused_code(source, actions)):
        _report(note)
    told = [] if agent else chat_stories(source, stories or ())
    if told and all(story.is_rule for story in told):
        check_actions(domain, told)
        domain, loaded = with_names_of(domain, told), None
    elif told:
        domain, loaded = story_agent(told, domain)
    else:
        domain, loaded = find_agent(
            agent, domain, _report, is_builtin=source in builtin_names(), seed=seed, trust=trust
        )
    runner = make_runner(source, domain, actions, seed)
    words = make_interpreter(source, domain, nlu or (), seed, store_named(agent), fallback)
    await_training(words)
    rules = loaded.rules if loaded else RuleBook(domain, told)
    talk = Chat(Bot(domain, loaded, runner, rules), for_people(words, domain))
    for line in _greeting(talk, source, words.knows_words):
        print(line)
    prompt = Prompt()
    keys = scores_key(prompt, talk.explain)
    while (text := prompt.read(_PROMPT, keys)) is not None:
        for line in talk.explain() if text.strip() == SCORES else talk.handle(text):
            print(line)


def _report(note: str) -> None:
    print(f"({printable(note)})")


def _greeting(talk: Chat, source: str, knows_words: bool) -> Iterator[str]:
    domain, agent = talk.bot.domain, talk.bot.agent
    if agent:
        yield f"{domain.name}, with the agent {agent.name!r}."
    elif talk.bot.decides:
        yield f"{domain.name}, by its rules."
    else:
        yield (
            f"{domain.name}: no agent exists for this domain, so the bot only listens. Teach it with"
            f" `dialogue-gym teach {as_typed(source)}`, then chat with --agent {domain.name}-teaching."
        )
    yield how_to_talk(domain, knows_words)
    yield f"{SCORES} shows its scores, {RESTART_COMMAND} starts over, Ctrl-D ends."

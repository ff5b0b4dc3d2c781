"""Talking to a bot, as the command does it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, RandomPolicy, load_domain
from dialogue_gym._text import printable
from dialogue_gym.actions import ActionRunner
from dialogue_gym.chat import Bot, Chat
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.events import ActionExecuted, Entity, UserUttered
from dialogue_gym.conversation.turns import has_ended
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter, Interpretation, Interpreter
from dialogue_gym.policies.agent import load_agent
from dialogue_gym.policies.saved import AgentError
from dialogue_gym.stories import parse
from dialogue_gym.stories.rulebook import RuleBook
from tests.agents.commands import agents
from tests.commands import call, run
from tests.conftest import domain_from
from tests.terminals import Window

PLAIN = """
intents: [greet]
responses: {utter_greet: [{text: "Hello"}]}
"""
RULES = """
rules:
- rule: Greet
  steps:
  - intent: greet
  - action: utter_greet
"""


def chat(name: str, agent: str | None = None) -> Chat:
    domain = load_domain(name)
    bot = Bot(domain, load_agent(agent, domain, is_builtin=True), ActionRunner(domain))
    return Chat(bot, FixedFormatInterpreter(domain))


@pytest.mark.parametrize("agent", ["pretrained", "expert"])
def test_booking_ends_like_the_simulated_one(agent: str) -> None:
    talk = chat("restaurant", agent)
    said = talk.handle('/inform{"cuisine": "french", "location": "paris", "people": "2", "price": "cheap"}')
    assert said == ["bot   How about this cheap french restaurant in paris, for 2 people?"]
    assert talk.handle("/deny") and talk.conversation.outcome is None
    talk.handle('/inform{"people": "5"}')
    while talk.conversation.latest_action != "action_suggest":
        talk.handle('/inform{"people": "5"}')
    assert talk.handle("/affirm")[-1].startswith("--- the user has what they wanted")
    assert talk.conversation.outcome == "success"
    talk.handle("/greet")
    assert talk.conversation.slots["cuisine"] is None


def test_agenda_ends_with_its_last_reply() -> None:
    talk = chat("concert")
    for act in ("/search_venues", "/compare_reviews", "/thankyou"):
        talk.handle(act)
        assert talk.conversation.outcome is None
    assert talk.conversation.latest_action == "utter_youarewelcome"
    assert talk.handle("/goodbye")[-1].startswith("--- the user has what they wanted, after 4 turns")


def test_scores_precede_the_last_action() -> None:
    talk = chat("concert", "expert")
    assert talk.explain()[0] == "understood  nothing yet"
    talk.handle("/search_concerts@0.6")
    thoughts = talk.explain()
    assert thoughts[0] == "understood  search_concerts (0.60)"
    assert "slot        concerts: filled" in thoughts
    best = next(line for line in thoughts if line.startswith("thought"))
    assert best.split() == ["thought", "action_search_concerts", "1.00", "#" * 20]
    assert len(thoughts) == 3 + 4


def test_an_unlisted_value_is_told_and_kept() -> None:
    domain = domain_from(PLAIN + "slots: {food: {type: categorical, values: [french, thai]}}\n")
    talk = Chat(Bot(domain, None, ActionRunner(domain)), FixedFormatInterpreter(domain))
    told = "(the slot 'food' has no value 'frensh', which to the bot is 'other'; did you mean 'french'?)"
    assert told in talk.handle('/greet{"food": "frensh"}')
    assert talk.conversation.slots["food"] == "frensh"
    assert not any("the slot" in line for line in talk.handle('/greet{"food": "French"}'))


LOGGING = """
import logging, warnings
logging.basicConfig()

class Greet:
    def name(self):
        return "utter_greet"

    def run(self, dispatcher, tracker, domain):
        logging.getLogger("rasa_sdk.forms").warning("a line of the log")
        warnings.warn("something is old")
        dispatcher.utter_message(text="Hello")
"""


def test_the_log_of_actions_stays_out_of_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    (tmp_path / "greet.yml").write_text(RULES)
    (tmp_path / "actions.py").write_text(LOGGING)
    words = ["plain.yml", "--actions", "actions.py", "--stories", "greet.yml"]
    command = [sys.executable, "-m", "dialogue_gym"]
    done = run([*command, "chat", *words], tmp_path, typed="/greet\n", DIALOGUE_GYM_LOG="actions.log")
    assert "Hello" in done.stdout and done.stderr == ""
    log = (tmp_path / "actions.log").read_text()
    assert "WARNING rasa_sdk.forms: a line of the log" in log and "something is old" in log
    done = run([*command, "teach", *words], tmp_path, typed="/greet\n1\n")
    assert "Hello" in done.stdout and done.stderr == ""


def test_unreadable_message_is_not_a_turn() -> None:
    talk = chat("restaurant")
    assert talk.handle("/grete") == ["(unknown intent 'grete'; did you mean 'greet'?)"]
    assert talk.handle("   ") == []
    assert len(talk.conversation) == 0
    talk.handle('/inform{"cuisine": "french"}')
    talk.handle("/restart")
    assert talk.conversation.slots["cuisine"] is None


def test_bot_without_an_agent_only_listens(tmp_path: Path) -> None:
    domain = domain_from(PLAIN)
    assert load_agent(None, domain) is None
    talk = Chat(Bot(domain, None, ActionRunner(domain)), FixedFormatInterpreter(domain))
    assert talk.handle("/greet") == []
    assert [type(event) for event in talk.conversation.events] == [UserUttered, ActionExecuted]
    assert talk.explain()[-1].endswith("it only listens")
    rules = RuleBook(domain, parse(RULES))
    ruled = Chat(Bot(domain, None, ActionRunner(domain), rules), talk.interpreter)
    assert ruled.explain()[-1].endswith("it goes by its rules")
    (tmp_path / "plain.yml").write_text(PLAIN)
    shown = call("chat", "plain.yml", typed="/greet\n", cwd=tmp_path)
    assert shown.returncode == 0 and "so the bot only listens" in shown.stdout


def test_an_agent_that_was_trained_is_loaded(tmp_path: Path) -> None:
    out = tmp_path / "agent"
    words = ["train", "FakeUserRestaurant-v0", "max_history=2", "--steps", "500", "--dialogues", "10"]
    for algorithm in ("masked_dqn", "maskable_ppo"):
        assert agents(*words, "--agent", algorithm, "--out", str(out)).returncode == 0
        talk = chat("restaurant", str(out))
        assert talk.bot.agent and talk.bot.agent.name == algorithm and talk.bot.agent.env.max_history == 2
        talk.handle("/greet")
        talk.handle('/inform{"cuisine": "french"}')
        assert talk.conversation.latest_action != "action_suggest"  # impossible as long as slots are empty
        has_probabilities, thoughts = talk.bot.agent.rank_actions(talk.conversation)
        assert has_probabilities == (algorithm == "maskable_ppo")
        assert not thoughts[-1].is_possible
    with pytest.raises(AgentError, match="for other actions or observations than those of concert"):
        chat("concert", str(out))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chat", "concrt"], "'concrt' is neither a file nor a built-in domain; did you mean 'concert'?"),
        (["chat", "restaurant", "--agent", "exprt"], "neither an agent nor a folder; did you mean 'expert'?"),
        (["chat", "restaurant", "--agent", "."], "not a trained agent"),
        (["chat", "restaurant", "--nlu", "missing.yml"], "missing.yml: there is no such file"),
        (["chat", "restaurant", "--actions", "missing_module"], "missing_module"),
        (["chat", "restaurant", "--nlu", "http://a", "--nlu", "b.yml"], "an NLU server cannot be combined"),
    ],
)  # fmt: skip
def test_mistakes_are_reported_in_one_line(words: list[str], message: str, tmp_path: Path) -> None:
    result = call(*words, cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    assert message in result.stderr and result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_one_key_shows_the_scores_in_a_terminal(tmp_path: Path) -> None:
    window = Window("chat", "restaurant", cwd=tmp_path, columns=100)
    try:
        window.type("", "you >")
        window.type('/inform{"cuisine": "indian"}\r', "bot   ")
        # No Enter. Before it asks again the terminal itself would take Ctrl-D.
        window.type("?", "understood  inform", "cuisine: indian", "you >")
        window.type("\x04")
        assert window.process.wait(30) == 0
    finally:
        window.close()


def test_a_search_ends_with_the_goodbye_and_shows_what_was_found() -> None:
    talk = chat("city", "expert")
    wish = '"kind": "pub", "area": "old town", "price": "cheap", "seating": "indoors"'
    (offer,) = talk.handle(f"/inform{{{wish}}}")
    assert re.search("How about|There is", offer)
    shown = "\n".join(talk.explain())
    assert re.search(r"^found +1 of 120$", shown, re.MULTILINE)
    assert re.search(r"^offer +The [\w ]+ \(on offer\)$", shown, re.MULTILINE)
    assert re.search(r"^venue +kind: pub, area: old town, price: cheap,", shown, re.MULTILINE)
    talk.handle('/request{"attribute": "phone"}')
    assert talk.conversation.outcome is None
    assert talk.handle("/thank")[-1] == "--- the user has what they wanted, after 3 turns ---"
    talk.handle("/greet")
    assert talk.conversation.search and talk.conversation.search.counts == "120 of 120"


def test_a_goodbye_without_thanks_ends_no_search() -> None:
    domain = load_domain("city")
    talk = chat("city", "expert")
    talk.handle('/inform{"kind": "pub", "area": "old town", "price": "cheap", "seating": "indoors"}')
    said = talk.conversation.events
    goodbye = ActionExecuted("utter_bye")
    assert not has_ended(Conversation(domain, [*said, goodbye]))
    assert not has_ended(Conversation(domain, [*said, UserUttered("/affirm", "affirm"), goodbye]))
    thanks = UserUttered("/thank", "thank")
    assert has_ended(Conversation(domain, [*said, thanks, goodbye]))
    assert not has_ended(Conversation(domain, [*said, thanks, goodbye]), "explicit")
    assert not has_ended(Conversation(domain, [thanks, goodbye]))


@pytest.mark.parametrize("name", ["restaurant", "concert"])
def test_end_agrees_with_the_rules(name: str) -> None:
    for policy_of in (ExpertPolicy, RandomPolicy):
        for turn_taking in ("auto", "explicit"):
            env = DialogueEnv(name, turn_taking=turn_taking)
            policy = policy_of(env, 0)
            observation, _ = env.reset(seed=0)
            for _ in range(6):
                is_over = False
                while not is_over:
                    observation, _, terminated, truncated, info = env.step(policy.predict(observation)[0])
                    is_over = terminated or truncated
                said = env.conversation.events
                ended = any(
                    has_ended(Conversation(env.domain, said[:count])) for count in range(1, len(said) + 1)
                )
                assert ended == info["is_success"]
                observation, _ = env.reset()


def test_taught_bot_talks(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text(PLAIN)
    # a greeting, the right action (a part of its name), listening, the end
    answers = "/greet\n2\nutter_greet\n2\nlisten\n:q\n"
    taught = call("teach", "plain.yml", "--user", "me", typed=answers, cwd=tmp_path)
    assert taught.returncode == 0, taught.stderr
    shown = call("chat", "plain.yml", "--agent", "plain-teaching", typed="/greet\n/greet\n", cwd=tmp_path)
    assert shown.stdout.count("bot   Hello") == 2 and "only listens" not in shown.stdout


def test_an_expert_needs_no_fake_user(tmp_path: Path) -> None:
    path = tmp_path / "plain.yml"
    path.write_text(PLAIN + "expert:\n- then: utter_greet\n")
    shown = call("chat", str(path), typed="/greet\n")
    assert "with the agent 'expert'" in shown.stdout and "bot   Hello" in shown.stdout


def test_foreign_text_is_escaped() -> None:
    class Hostile(Interpreter):
        def parse(self, text: str) -> Interpretation:
            return Interpretation(text, "\x1b[31mX\nY", 0.9, (Entity("cuisine", "\ud800"),))

    talk = chat("restaurant")
    talk.interpreter = Hostile()
    for line in talk.handle("hello") + talk.explain():
        assert line == printable(line)


def test_a_missing_extra_is_named_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError('gone', name='sklearn')")
    command = [sys.executable, "-m", "dialogue_gym", "chat", "restaurant"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, input="")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert 'pip install "dialogue_gym[nlu]"' in result.stderr


def test_default_intents_are_obeyed_and_answered() -> None:
    domain = domain_from("""
        intents: [tell]
        entities: [city]
        slots: {city: {type: text}}
        responses:
          utter_hi: [{text: "Hi {city}."}]
          utter_restart: [{text: "Anew!"}]
          utter_back: [{text: "Back!", channel: cmdline}]
        expert: [{then: utter_hi}]
    """)
    talk = Chat(
        Bot(domain, load_agent("expert", domain), ActionRunner(domain)), FixedFormatInterpreter(domain)
    )
    assert talk.handle("/back") == ["bot   Back!", "(there is nothing to take back)"]
    talk.handle('/tell{"city": "Rome"}')
    talk.handle('/tell{"city": "Oslo"}')
    assert talk.conversation.slots == {"city": "Oslo"}
    assert talk.handle("/back") == ["bot   Back!", "(your last message is taken back)"]
    assert talk.conversation.slots == {"city": "Rome"}
    assert talk.handle("/session_start") == ["(a new session begins)"]
    assert talk.conversation.slots == {"city": "Rome"} and talk.conversation.latest_message is None
    assert talk.handle("/restart")[0] == "bot   Anew!" and talk.conversation.slots == {"city": None}
    assert "unknown intent" not in talk.handle("/nlu_fallback")[0]


def test_restart_is_not_a_success() -> None:
    domain = load_domain("concert")
    said = [UserUttered("/goodbye", "goodbye"), ActionExecuted("action_restart")]
    answered = [ActionExecuted("utter_goodbye"), ActionExecuted("action_listen")]
    assert has_ended(Conversation(domain, [*said[:1], *answered]), "explicit")
    assert not has_ended(Conversation(domain, [*said, *answered]), "explicit")

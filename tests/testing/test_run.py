"""Dialogues with foreign bots: faults of bots and of servers, and the command."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import load_domain
from dialogue_gym._http import ServiceError
from dialogue_gym.conversation.wording import ATTACHMENTS
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.journal.entry import DOMAIN, Draft
from dialogue_gym.journal.store import Store
from dialogue_gym.reports import html_page, junit_xml
from dialogue_gym.testing import ForeignDialogue, FunctionBot, RestBot, play, run
from dialogue_gym.testing.trial import make_bot
from tests import ROOT
from tests.commands import call
from tests.conftest import examples
from tests.exact.lessons import correct_once
from tests.testing.servers import (
    RESTAURANT,
    Answer,
    Forgetful,
    Hasty,
    Looping,
    Mistaken,
    Raw,
    Stubborn,
    Waiter,
    bot_server,
)


def test_a_tracker_gives_the_same_outcomes_as_texts() -> None:
    outcomes = []
    for has_tracker in (False, True):
        with bot_server(Waiter().reply, has_tracker=has_tracker) as server:
            report = run(server.url, "restaurant", 25, indecisiveness=0.2)
            how = "the bot's actions are read from its tracker"
            expected = how if has_tracker else "no tracker (status 404)"
            assert report.notes[0].startswith(expected) and report.success_rate > 0.95
            outcomes.append((report.success_rate, report.mean_turns, report.mean_return))
    assert outcomes[0] == outcomes[1]


FAULTY: dict[type[Waiter], tuple[str, str]] = {
    Forgetful: ("the bot kept a wish that the user had changed", "the user had changed it from"),
    Hasty: ("the bot acted before it knew enough", "action_suggest came before the bot knew"),
    Looping: ("the bot repeated itself", "utter_ask_location was done again"),
    Mistaken: ("the bot said a value that the user had not", "action_suggest said price"),
}


@pytest.mark.parametrize(("bot", "has_tracker"), [(Forgetful, True), *((bot, False) for bot in FAULTY)])
def test_a_faulty_bot_is_failed_and_a_dialogue_shows_its_fault(bot: type[Waiter], has_tracker: bool) -> None:
    kind, sentence = FAULTY[bot]
    with bot_server(bot().reply, has_tracker=has_tracker) as server:
        report = run(server.url, "restaurant", 15, indecisiveness=0.3)
        assert report.success_rate < 0.75
        failed = report.failures[0]
        assert sentence in failed.fault and list(report.endings)[:2].count(f"the user hung up: {kind}") == 1
        texts = " ".join(failed.lines())
        assert "action_suggest" in texts or "utter_ask_location" in texts
        assert failed.seed is not None
        again = make_bot(server.url, "restaurant", load_domain("restaurant"))
        (result,) = play(again, load_domain("restaurant"), [failed.seed], settings={"indecisiveness": 0.3})
    # Another conversation with the same seed is the same dialogue.
    assert result.conversation.events == failed.conversation.events and not result.is_success


def test_a_fault_names_the_value_that_the_bot_kept() -> None:
    with bot_server(Stubborn().reply) as server:
        report = run(server.url, "restaurant", 60, indecisiveness=1, patience=12)
    faults = [one.fault for one in report.failures if "had changed it" in one.fault]
    assert len(faults) > 2
    for fault in faults:
        assert re.search(r" said \w+ (.+); the user had changed it from \1 to (?!\1$)", fault), fault


def sleep(sender: str, message: str) -> Raw:
    threading.Event().wait(1.0)
    return Raw(200, b"[]")


BAD: dict[str, tuple[Callable[[str, str], list[Answer] | Raw], str]] = {
    "slow": (sleep, "no answer within 0.3 s"),
    "500": (lambda *_: Raw(500, b"oops"), "status 500"),
    "nonsense": (lambda *_: Raw(200, b"<html>"), "an answer that is not JSON"),
    "object": (lambda *_: Raw(200, b'{"text": "Hello!"}'), "an answer that is not a list of messages"),
    "numbers": (lambda *_: Raw(200, b"[1, 2]"), "an answer that is not a list of messages"),
    "dropped": (lambda *_: Raw(200, None), "no complete HTTP response"),
    "mixed up": (
        lambda *_: Raw(200, b'[{"recipient_id": "x", "text": "Hello!"}]'),
        "a message for somebody else",
    ),
    "nothing": (lambda *_: [], "the user hung up: the bot said nothing"),
    "strange": (
        lambda *_: [("", "Colorless green ideas.")],
        "the user hung up: a text is like none of the actions",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_is_a_row_of_the_report(name: str) -> None:
    reply, ending = BAD[name]
    with bot_server(reply) as server:
        report = run(server.url, "restaurant", 6, timeout=0.3)
    assert report.endings == {ending: 1.0} and report.success_rate == 0
    assert f"{ending}: 6 dialogues" in report.lines()


def test_a_server_that_fails_now_and_then_fails_those_dialogues_alone() -> None:
    waiter = Waiter()

    def reply(sender: str, message: str) -> list[Answer] | Raw:
        is_bad = int(sender.rpartition("-")[2]) % 4 == 0 and len(waiter.told[sender]) >= 2
        return Raw(503, b"") if is_bad else waiter.reply(sender, message)

    with bot_server(reply) as server:
        report = run(server.url, "restaurant", 40)
    assert report.endings["status 503"] == 0.25 and report.endings["success"] >= 0.7
    assert "status 503" in report.failures[0].fault
    assert len(report.failures[0].conversation.events) > 3


def test_a_bot_that_never_answers_is_left_after_a_while() -> None:
    with bot_server(lambda *_: Raw(500, b"")) as server:
        report = run(server.url, "restaurant", 500)
    assert 50 <= (report.dialogues or 0) < 100
    assert "the bot never gave an answer" in report.notes[-1]


@pytest.mark.parametrize("status", [404, 401])
def test_a_wrong_address_is_one_sentence(status: int) -> None:
    refused = pytest.raises(ServiceError, match=rf"responded with status {status}$")
    with bot_server(lambda *_: Raw(status, b"")) as server, refused:
        run(server.url, "restaurant", 20)


@pytest.mark.parametrize("address", ["http://", "http://a:b@host", "http://[::1"])
def test_an_address_that_is_none_is_one_sentence(address: str) -> None:
    with pytest.raises(ServiceError, match=r"address|password"):
        run(address, "restaurant", 20)


@pytest.mark.parametrize("address", ["localhost:8080", "htp://localhost:8080"])
def test_an_address_without_its_scheme_is_one_sentence(address: str) -> None:
    with pytest.raises(ValueError, match=r"begins with http:// or https://, as in http://localhost:8080$"):
        run(address, "restaurant", 20)


def test_a_bot_that_does_not_understand_is_told_so(tmp_path: Path) -> None:
    """The page's example has phrases and no examples, so its agent understands the fixed format alone."""
    path = tmp_path / "shirt.yml"
    page = (ROOT / "docs/domain-files.md").read_text(encoding="utf-8")
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    report = run("expert", path, 20)
    assert set(report.endings) == {"the user hung up: the bot did not understand the user"}
    assert "did not understand the user, who said 'I would like" in report.failures[0].fault
    assert "more examples of their sentences help" in report.notes[-1]
    assert run("expert", path, 20, format="fixed").success_rate == 1.0


def test_a_greeting_beside_an_answer_is_no_fault() -> None:
    waiter = Waiter()
    report = run(
        lambda sender, text: ["Welcome to our house!", *waiter.texts(sender, text)], "restaurant", 20
    )
    assert report.success_rate > 0.9
    assert not [note for note in report.notes if "a text of the bot was not known" in note]


def test_a_bot_on_a_server_can_be_tested_again() -> None:
    with bot_server(Waiter().reply) as server:
        bot = RestBot(server.url)
        reports = [run(bot, "restaurant", 3) for _ in range(2)]
    assert [report.success_rate for report in reports] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"jobs": -1}, "jobs=-1: must be a whole number"),
        ({"dialogues": 2.5}, "dialogues=2.5: must be a whole number"),
        ({"seed": -1}, "seed: -1 is negative"),
        ({"timeout": 0}, "timeout=0: must be a number of seconds above 0"),
        ({"token": "mystery\n"}, "the bot's token cannot be sent: a header has no spaces, line breaks"),
    ],
)
def test_a_wrong_argument_is_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(sentence)}") as refused:
        run("http://127.0.0.1:9", "restaurant", **{"dialogues": 2} | wrong)
    assert "mystery" not in str(refused.value)


def test_a_negative_seed_is_refused() -> None:
    """Its bits have no end: without a check this would take for ever."""
    for seeds in ([-1], [1, -1]):
        with pytest.raises(ValueError, match=r"^seed: -1 is negative$"):
            play(FunctionBot(Waiter().texts), RESTAURANT, seeds)
    with pytest.raises(ValueError, match=r"^seed: -2 is negative$"):
        ForeignDialogue(RESTAURANT).begin(1, chance=-2)


def test_a_query_is_sent_and_not_told() -> None:
    with bot_server(lambda *_: Raw(500, b""), has_tracker=True) as server:
        report = run(f"{server.url}?token=secret", "restaurant", 3)
        again = run(f"{server.url}/?token=secret", "restaurant", 3)
    for one in (report, again):
        assert one.endings == {"status 500": 1.0}
        assert "secret" not in html_page(one) + junit_xml(one) + json.dumps(one.as_dict())
    assert server.queries == {"token=secret"}


def test_a_limit_of_the_server_is_told() -> None:
    body = b'{"detail": "you are sending messages too quickly"}'
    with bot_server(lambda *_: Raw(429, body)) as server:
        report = run(server.url, "restaurant", 3)
    assert report.endings == {"status 429": 1.0}
    assert report.failures[0].fault.endswith("status 429: you are sending messages too quickly")


def test_a_taught_store_is_a_bot(tmp_path: Path) -> None:
    folder = tmp_path / "taught"
    with Store(folder) as store:
        for seed in range(12):
            correct_once(store, RESTAURANT, "explicit", seed)
        store.append_all([Draft("", DOMAIN, Addition(ACTION, "utter_wave", ("Bye!",)).content())])
    report = run(folder, "restaurant", 12, jobs=3, indecisiveness=0)
    assert report.bot == "taught" and report.success_rate >= 0.8
    bot = make_bot(folder, "restaurant", RESTAURANT)
    (result,) = play(bot, RESTAURANT, [1])
    assert result.conversation.domain.actions[-1] == "utter_wave"


def test_functions_are_bots_and_their_errors_are_faults() -> None:
    def broken(sender: str, message: str) -> list[str]:
        raise KeyError("price")

    assert run(Waiter().texts, "restaurant", 20).success_rate == 1.0
    report = run(broken, "restaurant", 5)
    assert report.endings == {"the bot raised KeyError": 1.0}
    assert report.failures[0].fault == "the bot raised KeyError: 'price'"

    async def later(sender: str, message: str) -> list[str]:
        return ["In which city?"]

    assert run(later, "restaurant", 2).endings == {"the user hung up: the bot repeated itself": 1.0}
    assert run(lambda sender, message: "Hello!", "restaurant", 1).endings == {  # type: ignore[arg-type,return-value]
        "an answer that is not a list of messages": 1.0
    }


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [
        "In which city?",
        "How about this \ud800 None restaurant in paris, for 2 people?",
        "{cuisine}",
        "(" * 2000,
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = ("text", "recipient_id", *ATTACHMENTS)
MESSAGES = ANY_TEXT | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, ANY) | {"text": ANY_TEXT})


@settings(max_examples=examples(60))
@given(contents=st.lists(MESSAGES, max_size=4) | ANY)
def test_no_answer_of_a_bot_raises_an_error(contents: Any) -> None:
    report = run(lambda sender, message: contents, "restaurant", 2)
    assert sum(report.endings.values()) == pytest.approx(1)
    assert json.dumps(report.as_dict()) and html_page(report).encode() and junit_xml(report).encode()


def command(*words: str) -> tuple[int, str, str]:
    done = call("test", *words)
    return done.returncode, done.stdout, done.stderr


def test_the_command_fails_below_the_bar_and_replays_a_dialogue() -> None:
    with bot_server(Forgetful().reply) as server:
        words = (server.url, "--domain", "restaurant", "indecisiveness=0.3")
        status, out, _ = command(*words, "--dialogues", "30", "--json", "--min-success", "0.95")
        assert status == 1
        figures = json.loads(out)
        assert figures["success_rate"] < 0.95 and figures["dialogues"] == 30
        failed = figures["failures"][0]
        status, out, _ = command(*words, "--replay", str(failed["seed"]))
    assert status == 1 and out.splitlines()[: len(failed["transcript"])] == failed["transcript"]
    status, out, error = command(*words, "--replay", str(failed["seed"]), "--json")
    assert (status, out) == (2, "") and "--json: it is for a report on many dialogues" in error


def test_the_command_needs_a_bot() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, out, error = command(f"http://127.0.0.1:{port}", "--domain", "restaurant")
    assert (status, out) == (2, "")
    assert error.splitlines()[-1].startswith("error: 'http://127.0.0.1:") and "cannot be reached" in error


def test_several_tries_have_the_same_user_and_other_chance() -> None:
    fickle = {"indecisiveness": 0.3}
    bot = make_bot(Forgetful().texts, "restaurant", RESTAURANT)
    results = play(bot, RESTAURANT, range(20), settings=fickle, tries=3)
    assert [one.user for one in results] == [user for user in range(20) for _ in range(3)]
    tries = [results[place : place + 3] for place in range(0, 60, 3)]
    openings = [{one.conversation.events[0] for one in group} for group in tries]
    assert all(len(said) == 1 for said in openings)
    assert any(len({one.is_success for one in group}) == 2 for group in tries)
    assert [one.seed for one in tries[4]] == [4, None, None]
    report = run(Forgetful().texts, "restaurant", 20, tries=3, **fickle)
    first, second, third = report.passes
    assert report.dialogues == 60 and first == pytest.approx(report.success_rate) and first > second > third


def test_reports_are_written_as_files(tmp_path: Path) -> None:
    with bot_server(Looping().reply) as server:
        words = (server.url, "--domain", "restaurant", "--dialogues", "4", "--min-success", "0.5")
        status, out, error = command(
            *words, "--junit", str(tmp_path / "a.xml"), "--html", str(tmp_path / "a.html")
        )
        assert status == 1 and "the user hung up: the bot repeated itself: 4 dialogues" in out
        assert error.splitlines()[-1] == "failed: success 0% is below 50%"
        assert 'failures="5"' in (tmp_path / "a.xml").read_text()
        page = (tmp_path / "a.html").read_text()
        assert "In which city?" in page and "Below the bar of 50%" in page
        status, _, error = command(*words, "--junit", str(tmp_path / "none" / "a.xml"))
    assert status == 2 and "there is no such folder" in error

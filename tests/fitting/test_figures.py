"""Figures with intervals, and the domain file with them."""

from __future__ import annotations

import dataclasses
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_gym import DialogueEnv, load_domain
from dialogue_gym.domain import DomainError, domain_text
from dialogue_gym.fitting import CannotFit, Figure, LoggedMessage, fit_user, fitted_text, phrases_of
from dialogue_gym.fitting.dialogues import LoggedDialogue
from dialogue_gym.fitting.distance import distances
from dialogue_gym.fitting.figures import poisson, wilson
from dialogue_gym.fitting.phrasing import fitted_phrases
from dialogue_gym.fitting.simulation import LoggedBot, simulated_dialogues
from dialogue_gym.policies import ExpertPolicy
from tests.conftest import TINY, domain_from, examples

SHARES = st.floats(0, 1)


@given(SHARES, st.floats(0.5, 1e5))
def test_intervals_hold_the_estimate_and_narrow_with_draws(share: float, draws: float) -> None:
    low, high = wilson(share, draws)
    assert 0 <= low <= share + 1e-9 and share - 1e-9 <= high <= 1
    narrow = wilson(share, 10 * draws)
    assert narrow[1] - narrow[0] < high - low
    low, high = poisson(share, draws)
    assert 0 <= low <= share + 1e-9 and share - 1e-9 <= high


def test_wilson_is_that_of_the_tables() -> None:
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0.3, 50) == pytest.approx((0.1910, 0.4375), abs=1e-4)


@settings(max_examples=examples(40))
@given(st.data())
def test_a_written_file_has_the_figures_and_all_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["restaurant", "concert"]))
    domain, text = load_domain(name), domain_text(name)
    assert domain.fake_user is not None
    first, second = sorted((round(data.draw(SHARES), 4), round(data.draw(SHARES), 4)))
    shares = (first, second - first, 1 - second)
    figures = [
        Figure("patience", "", data.draw(st.integers(1, 100)), 0, 1),
        Figure("corrects", "", first, 0, 1, data.draw(st.sampled_from(["", "too few"]))),
        Figure("error_rate", "", second, 0, 1),
        *(
            Figure("wrong", label, share, 0, 1)
            for label, share in zip(("high", "medium", "low"), shares, strict=True)
        ),
    ]
    if name == "restaurant":
        figures.append(Figure("informativeness", "", 3 * second, 0, 1))
    else:
        figures += [Figure("agenda[0]", "1", first, 0, 1), Figure("agenda[0]", "2", 1 - first, 0, 1)]
        figures += [Figure("agenda[1]", str(way), share, 0, 1) for way, share in enumerate((*shares, 0.0), 1)]
    written = fitted_text(text, "file.yml", name, figures, {}, "A heading.")
    again = domain_from(written)
    user = again.fake_user
    assert user is not None and domain.fake_user is not None
    assert (user.goal, user.actions) == (domain.fake_user.goal, domain.fake_user.actions)
    assert (again.responses, again.reward, again.expert) == (domain.responses, domain.reward, domain.expert)
    profile = user.profile("standard")
    assert profile.patience == figures[0].value
    assert profile.correction_rate == (0.5 if figures[1].reason else first)
    assert user.noise.error_rate == pytest.approx(second, abs=1e-5)
    assert user.noise.wrong == pytest.approx(shares, abs=1e-5)
    if name == "restaurant":
        assert profile.informativeness == pytest.approx(3 * second, abs=1e-5)
    else:
        greeted = sum(agenda.chance for agenda in user.agendas if agenda.way[0] == 0)
        assert greeted == pytest.approx(first, abs=1e-4)
    # Comments stay, and a file that was fitted once can be fitted again.
    assert "# " + text.splitlines()[0].removeprefix("# ") in written
    assert domain_from(fitted_text(written, "file.yml", name, figures, {}, "Again.")).fake_user == user


def test_ways_of_the_chance_0_keep_it() -> None:
    """A fit writes 0 for ways that nobody takes; the last ones of these are not among the figures."""
    text = textwrap.dedent(
        """\
        intents: [hi, a, b, c]
        actions: [greet, help]
        fake_user:
          agenda:
          - {say: hi, answer: greet}
          - one_of: [[{say: a, answer: help}], [{say: b, answer: help}], [{say: c, answer: help}]]
            chances: [0.5, 0.5, 0]
        """
    )
    figures = [Figure("agenda[1]", "1", 0.25, 0, 1), Figure("agenda[1]", "2", 0.75, 0, 1)]
    written = fitted_text(text, "file.yml", "file", figures, {}, "A heading.")
    assert "chances: [0.25, 0.75, 0.0]" in written
    user = domain_from(written).fake_user
    assert user is not None and [agenda.chance for agenda in user.agendas] == [0.25, 0.75]


def test_a_file_without_room_is_refused_in_one_sentence() -> None:
    text = "fake_user: &user {agenda: [{say: a, answer: b}]}\nintents: [a]\nactions: [b]\nx: *user\n"
    with pytest.raises(DomainError, match=r"^file.yml: the figures cannot be written"):
        fitted_text(text, "file.yml", "file", [Figure("agenda[7]", "1", 1.0, 0, 1)], {}, "")


def test_an_environment_has_the_noise_of_its_domain_unless_it_is_given() -> None:
    domain = domain_from(TINY + "      noise: {error_rate: 0.25, right: {low: 1}}\n")
    assert DialogueEnv(domain).settings.semantic_error_rate == 0.25
    assert not DialogueEnv(domain, semantic_error_rate=0).tables.is_noisy
    env = DialogueEnv(domain, semantic_error_rate=1e-9)
    observation, _ = env.reset(seed=1)
    names = [field.name for field in env.observation_fields]
    assert observation[names.index("intent_confidence")] == 1
    assert DialogueEnv("restaurant").settings.semantic_error_rate == 0


def test_phrases_are_those_of_several_people_with_slots_in_braces() -> None:
    domain = load_domain("restaurant")
    said = [
        ("a", "Sushi for me", "inform", (("cuisine", "sushi"),)),
        ("b", "french for me", "inform", (("cuisine", "french"),)),
        ("a", "yes yes", "affirm", ()),
        ("b", "yes yes", "affirm", ()),
        ("c", "yes yes", "deny", ()),  # misheard
        ("a", "sure \ud83d", "affirm", ()),
        ("b", "sure \ud83d", "affirm", ()),  # half of a smiley, which no file can hold
        ("d", "my name is Bond", "deny", ()),
        ("d", "my name is Bond", "deny", ()),  # one person, in however many conversations
        ("e", "/deny", "deny", ()),
        ("f", "/deny", "deny", ()),
        ("a", "no {thanks}", "deny", ()),
        ("b", "no {thanks}", "deny", ()),
        ("a", "sushi in paris", "inform", (("cuisine", "sushi"), ("location", "paris"))),
        ("b", "sushi in paris", "inform", (("cuisine", "sushi"), ("location", "paris"))),
    ]
    found = phrases_of(domain, [LoggedMessage(*one) for one in said])
    assert found == {"affirm": ["yes yes", "sure ?"], "cuisine": ["{cuisine} for me"]}
    phrases = fitted_phrases(domain, found)
    assert phrases["inform"] == ["{entities}"] and phrases["deny"] == ["No.", "No, that is not it."]
    text = fitted_text(domain_text("restaurant"), "r.yml", "restaurant", [], phrases, "")
    env = DialogueEnv(domain_from(text), informativeness=1)
    env.reset(seed=3, options={"goal": {"cuisine": "sushi"}})
    env.step(env.action_names.index("utter_ask_cuisine"))
    assert env.conversation.events[-1].text == "Sushi for me"  # type: ignore[union-attr]


def test_dialogues_of_another_turn_taking_are_of_another_bot() -> None:
    """Lessons, in which listening is an action, may stand beside conversations in which it is none."""

    def logged(turn_taking: str) -> list[LoggedDialogue]:
        env = DialogueEnv("concert", turn_taking=turn_taking)
        expert = ExpertPolicy(env)
        return simulated_dialogues(env, lambda seen, mask: expert.choose(seen, mask, True), 20, 1)

    env = DialogueEnv("concert")
    bot, alone = (LoggedBot(env, some) for some in (logged("auto") + logged("explicit"), logged("auto")))
    _, info = env.reset(seed=1)
    for intent in range(1, len(env.domain.intents) + 1):
        unseen = np.array([intent if field.name == "intent" else 1 for field in env.fields])
        chosen = [bot(unseen, info["action_mask"]) for _ in range(20)]
        assert chosen == [alone(unseen, info["action_mask"]) for _ in range(20)] and min(chosen) >= 0


def test_distances_are_small_for_one_user_and_large_for_another() -> None:
    domain = load_domain("concert")
    env = DialogueEnv(domain)
    expert = ExpertPolicy(env)
    logged = simulated_dialogues(env, lambda seen, mask: expert.choose(seen, mask, True), 150, 1)
    noisy = DialogueEnv(domain, semantic_error_rate=0.3)
    same = simulated_dialogues(env, LoggedBot(env, logged), 150, 7)
    other = simulated_dialogues(noisy, LoggedBot(noisy, logged), 150, 7)
    for near, far in zip(distances(domain, logged, same), distances(domain, logged, other), strict=True):
        assert near.value <= far.value and near.value < max(2 * near.by_chance, 0.02)
    (acts, *_) = distances(domain, logged, logged)
    assert acts.value == 0
    (acts, *_) = distances(domain, logged, other)
    assert acts.value > 0
    (*_, messages, _) = distances(domain, logged, other)
    assert messages.value > 2 * messages.by_chance > 0


def test_some_domains_and_logs_are_refused_in_one_sentence() -> None:
    for name, dialogues, sentence in (
        ("city", [], "city: users who search a database cannot be fitted yet"),
        ("concert", [], "0 conversations with people: it takes 20 at least"),
    ):
        with pytest.raises(CannotFit, match=sentence):
            fit_user(load_domain(name), dialogues)
    with pytest.raises(CannotFit, match="this domain has no fake user"):
        fit_user(domain_from("intents: [a]\nactions: [b]\n"), [])


def test_a_fitted_user_is_near_the_true_one() -> None:
    """Half of the intervals may not miss by chance; see `agents/fitting.py` for how often they do."""
    domain = load_domain("concert")
    env = DialogueEnv(domain, semantic_error_rate=0.2, patience=3)
    random = np.random.default_rng(4)
    expert = ExpertPolicy(env)

    def choose(seen: np.ndarray, mask: np.ndarray) -> int:  # type: ignore[type-arg]
        if random.random() < 0.2:
            return int(random.choice(np.flatnonzero(mask)))
        return expert.choose(seen, mask, True)

    fitted = fit_user(domain, simulated_dialogues(env, choose, 300, 11))
    assert (fitted.cut, fitted.left_out, fitted.is_noisy, fitted.turn_taking) == (0, 0, True, "auto")
    patience = fitted.figure("patience")
    assert (patience.value, patience.low, patience.high) == (3, 3, 3)
    for name, part, truth in (("error_rate", "", 0.2), ("right", "high", 0.65), ("wrong", "low", 0.65)):
        one = fitted.figure(name, part)
        assert one.is_identified and abs(one.value - truth) < 2 * (one.high - one.low)
    assert not fitted.figure("corrects").is_identified and fitted.figure("corrects").value == 0.5


def test_a_dialogue_counts_until_a_person_says_something_else() -> None:
    domain = load_domain("concert")
    env = DialogueEnv(domain, semantic_error_rate=0.1)
    expert = ExpertPolicy(env)
    logged = simulated_dialogues(env, lambda seen, mask: expert.choose(seen, mask, True), 40, 5)
    one = next(one for one in logged if len(one.steps) > 3)
    nothing = (0, *one.opening[1:])  # not understood at all
    strange = dataclasses.replace(one.steps[2], heard=nothing)
    later = dataclasses.replace(one, steps=(*one.steps[:2], strange, *one.steps[3:]))
    fitted = fit_user(domain, [*logged, dataclasses.replace(one, opening=nothing), later])
    assert (fitted.dialogues, fitted.left_out, fitted.cut) == (41, 1, 1)

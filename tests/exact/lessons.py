"""Lessons of a simulated teacher on chosen dialogues."""

from __future__ import annotations

from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.policies.agent import Agent
from dialogue_gym.teaching.policy import TaughtPolicy
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher


def correct_once(store: Store, domain: Domain, turn_taking: str, seed: int) -> bool:
    """Take up the dialogue of a seed until the first correction; return whether there was one."""
    number = len(History(store.entries()).conversations)
    session = Session(
        domain,
        store,
        turn_taking=turn_taking,
        settings={},
        author="expert",
        seed=seed - number,
        asks_for_closing=False,
        is_mine=lambda conversation: False,
    )
    teacher, conversation = SimulatedTeacher(domain, turn_taking), session.id
    while session.id == conversation:
        if teacher.answer(session):
            return True
    return False


def taught_bot(store: Store, domain: Domain, turn_taking: str) -> Agent:
    """Return the agent that the labels of a store train."""
    env = DialogueEnv(domain, turn_taking=turn_taking)
    return Agent("taught", env, TaughtPolicy(env, History(store.entries()).labels(domain, turn_taking)))

"""Projects exported for Rasa."""

from __future__ import annotations

from pathlib import Path

from dialogue_gym.domain import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.history import History
from dialogue_gym.journal.store import Store
from dialogue_gym.nlu.examples import builtin_path
from dialogue_gym.stories.io import own_stories
from dialogue_gym.teaching.export_rasa import Exported, export_for, origins_of
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach
from dialogue_gym.teaching.story_import import import_stories


def exported(session: Session, folder: str = "out") -> Exported:
    store = session._driver._journal
    return export_for("rasa", History(store.entries()), session.domain, Path(folder), origins_of(store))


def simulated(name: str) -> Exported:
    """Export lessons in a simulation with a built-in domain and its own stories."""
    domain = load_domain(name)
    with Store(Path(f"{name}-store")) as store:
        store.use_domain(name, domain_text(name))
        import_stories(store, domain, own_stories(builtin_path(name, "domain.yml")))
        session = Session(domain, store, settings={}, author="expert")
        teach(session, SimulatedTeacher(domain, "explicit", 0.1, 0), 4)
        return export_for("rasa", session.history, domain, Path(name), origins_of(store))

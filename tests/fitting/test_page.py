"""The commands of docs/fitting.md run, on the journal of a bot that simulated people have talked to."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, cast

import pytest

from dialogue_gym import DialogueEnv, ExpertPolicy, load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.exploration import Explorer
from dialogue_gym.live.simulated_person import SimulatedPerson
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from tests import ROOT
from tests.commands import dialogue_gym as run


class Trying(ExpertPolicy):
    """The expert, as a bot that explores."""

    version = 0


@pytest.mark.slow
def test_the_commands_of_the_page_run_in_order(tmp_path: Path) -> None:
    domain = load_domain("restaurant")
    with Store(tmp_path / "restaurant-live") as store:
        store.use_domain("restaurant", domain_text("restaurant"))
        explorer = Explorer(cast(Any, Trying(DialogueEnv(domain))), rates=(0.1, 0.1))
        person = SimulatedPerson(domain)
        live = LiveBot(domain, store, explorer, FixedFormatInterpreter(domain), person)
        for _ in range(40):
            person.talk(live)
    page = (ROOT / "docs/fitting.md").read_text(encoding="utf-8")
    for line in page.partition("```sh\n")[2].partition("```")[0].splitlines():
        few = ["--steps", "300", "--dialogues", "5", "--bound", "none"] if " train " in line else []
        run(*shlex.split(line)[1:], *few, cwd=tmp_path)
    assert load_domain(tmp_path / "fitted.yml").fake_user is not None

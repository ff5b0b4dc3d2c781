"""The model card of a shared agent or domain: `README.md`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any

from dialogue_gym._text import counted, printable, short_percent
from dialogue_gym.hub.bundle import CARD_FILE, Bundle

_MARK = "<!-- Written by dialogue-gym hub push, which writes it anew until this line is gone. -->"


def card_of(bundle: Bundle, repository: str) -> str | None:
    """Return the text of the card; None if the folder has a card of somebody's own.

    Args:
        bundle: the files that are shared.
        repository: the repository, as the command to pull it names it.

    Raises:
        OSError: the card in the folder cannot be read.
    """
    path = bundle.folder / CARD_FILE
    if CARD_FILE in bundle.files and _MARK.encode() not in path.read_bytes():
        return None
    return "\n".join(_lines(bundle, repository)) + "\n"


def _lines(bundle: Bundle, repository: str) -> Iterator[str]:
    agent, folder = bundle.agent, repository.rstrip("/").rpartition("/")[2]
    yield from ("---", "library_name: dialogue_gym")
    if agent:
        yield "pipeline_tag: reinforcement-learning"
    yield from ("tags:", "- dialogue_gym", "- dialogue", "- reinforcement-learning", "---", _MARK)
    name = _code(bundle.name)
    yield f"# {_code(agent.agent)} on {name}" if agent else f"# The domain {name}"
    yield ""
    if agent:
        yield f"A dialogue policy that was learned with the fake user of the domain {name} of dialogue_gym."
        yield f"Algorithm: {_code(agent.algorithm)}. Its weights are numbers and JSON, no code."
    if domain := bundle.domain:
        description = domain.description.strip() or "A dialogue with a fake user, for dialogue_gym."
        yield from ([""] if agent else []) + [printable(line) for line in description.splitlines()] + [""]
        sizes = [counted(len(domain.slots), "slot"), counted(len(domain.actions), "action")]
        if domain.database:
            sizes.append(counted(len(domain.database.rows), "venue"))
        yield f"The files of the domain are here: {', '.join(sizes)}."
    rows = list(_figures(bundle.metrics))
    if rows:
        yield from ("", "## Figures", "", "| | |", "|---|---|")
        yield from (f"| {name} | {value} |" for name, value in rows)
    yield from ("", "## Use", "", "```sh", 'pip install "dialogue_gym[hub,teach,fast,nlu]"')
    target = shlex.quote(folder)
    yield f"dialogue-gym hub pull {shlex.quote(repository)} --out {target}"
    source = bundle.domain_source(target)
    if agent:
        yield f"dialogue-gym chat {source or 'DOMAIN'} --agent {target}"
        yield f"dialogue-gym evaluate {source or 'DOMAIN'} --agent {target}"
    else:
        yield f"dialogue-gym chat {target}"
    yield "```"
    if agent and not source:
        yield from ("", f"DOMAIN is the domain file of {name}, which is not in this repository.")


def _figures(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the figures of `metrics.json` that are numbers, in words."""
    forms: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
        ("environment", "env_id", "`{}`".format),
        ("success", "success_rate", short_percent),
        ("mean return", "mean_return", "{:.2f}".format),
        ("bound of the mean return", "bound_return", "{:.2f}".format),
        ("mean turns", "mean_turns", "{:.2f}".format),
        ("dialogues", "dialogues", "{:,}".format),
        ("steps of training", "steps", "{:,}".format),
        ("seed", "seed", str),
    )
    for words, key, form in forms:
        value = metrics.get(key)
        kinds = (str,) if key == "env_id" else (int, float)
        if isinstance(value, kinds) and not isinstance(value, bool):
            yield words, printable(form(value)).replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', '')}`"

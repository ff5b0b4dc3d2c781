"""The domain file of a fitted user: the domain's own file with the fitted figures in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from dialogue_gym._text import printable
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain import Domain, DomainError
from dialogue_gym.domain.loader import parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.yaml_change import Path, node_at, put, removed, replaced
from dialogue_gym.domain.yaml_edit import InsertionError
from dialogue_gym.fitting.figures import Figure
from dialogue_gym.fitting.unknowns import PATIENCE

_NOISE = ("error_rate", "right", "wrong", "faults")
_USER: Path = ("fake_user",)


def fitted_text(
    text: str, file: str, name: str, figures: Sequence[Figure], phrases: Mapping[str, list[str]], heading: str
) -> str:
    """Return the text of a domain file with the figures that were identified, and phrases.

    All other figures, comments and keys stay.

    Args:
        text: of the file.
        file: stands for it in errors.
        name: of the domain.
        figures: the figures of the user.
        phrases: all phrases of the user; empty to leave them.
        heading: a line for a comment at the top.

    Raises:
        DomainError: the figures cannot be written into this file.
    """
    before = parse_domain(parse_yaml(text, file, DOMAIN_FILE), name)
    try:
        result = _written(text, figures, phrases)
        after = parse_domain(parse_yaml(result, file, DOMAIN_FILE), name)
    except InsertionError as error:
        raise DomainError(f"{file}: the figures cannot be written into this file: {error}") from None
    _check(before, after, figures, file)
    lines = [heading, *map(figure_line, figures)]
    return "".join(f"# {printable(line)}\n" for line in lines) + "\n" + result


def _written(text: str, figures: Sequence[Figure], phrases: Mapping[str, list[str]]) -> str:
    noise: dict[str, Any] = {}
    parts: dict[str, list[float]] = {}
    for one in figures:
        if not one.is_identified:
            continue
        if one.name.startswith("agenda["):
            parts.setdefault(one.name, []).append(one.value)
        elif one.name not in _NOISE:
            text = _set(text, _USER, one.name, _number(one))
        elif one.part:
            noise.setdefault(one.name, {})[one.part] = _number(one)
        else:
            noise[one.name] = _number(one)
    if noise:
        for key, value in noise.items():
            if node_at(text, (*_USER, "noise")) is None:
                text = put(text, _USER, "noise", {key: value})
            else:
                text = _set(text, (*_USER, "noise"), key, value)
    for name, shares in parts.items():
        place: Path = (*_USER, "agenda", int(name[len("agenda[") : -1]))
        if node_at(text, (*place, "maybe")) is not None:
            text = _set(text, place, "chance", _rounded(shares[0]))
        else:
            ways = node_at(text, (*place, "one_of"))
            if isinstance(ways, yaml.SequenceNode):  # the last ones may have had the chance 0
                shares += [0.0] * (len(ways.value) - len(shares))
            text = _set(text, place, "chances", list(map(_rounded, shares)))
    if phrases:
        text = _set(text, _USER, "phrases", dict(phrases))
    return text


def _set(text: str, place: Path, key: str, value: Any) -> str:
    """Return a text with a key in a mapping, new or with another value."""
    node = node_at(text, (*place, key))
    if node is None:
        return put(text, place, key, value)
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return put(removed(text, (*place, key)), place, key, value)
    return replaced(text, (*place, key), value)


def _rounded(share: float) -> float:
    return round(share, 5)


def _number(figure: Figure) -> float | int:
    return int(figure.value) if figure.name == PATIENCE else _rounded(figure.value)


def _check(before: Domain, after: Domain, figures: Sequence[Figure], file: str) -> None:
    """Refuse a text that is read as something else, as unusual YAML may be."""
    old, new = before.fake_user, after.fake_user
    assert old is not None and new is not None
    profile = new.profile("standard")
    read = {
        "patience": profile.patience,
        "informativeness": profile.informativeness,
        "indecisiveness": profile.indecisiveness,
        "corrects": profile.correction_rate,
        "error_rate": new.noise.error_rate,
    }
    ways = {(one.way, one.items) for one in old.agendas}  # those of chance 0 are no more among the new ones
    is_right = (old.goal, old.actions) == (new.goal, new.actions)
    is_right &= all((one.way, one.items) in ways for one in new.agendas)
    for one in figures:
        if one.name in read and one.is_identified and abs(read[one.name] - _number(one)) > 1e-9:
            is_right = False
    if not is_right or before.actions != after.actions:
        raise DomainError(f"{file}: the figures cannot be written into this file: it would be read otherwise")


def figure_line(figure: Figure) -> str:
    """Return a figure with its interval in one line, or the reason why it is not identified."""
    name = f"{figure.name}.{figure.part}" if figure.part else figure.name
    if not figure.is_identified:
        return f"{name}: {figure.value:.4g}, not identified: {figure.reason}"
    return f"{name}: {figure.value:.4g} [{figure.low:.4g}, {figure.high:.4g}]"

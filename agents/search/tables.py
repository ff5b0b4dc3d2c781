"""The tables of the evidence about users who search, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dialogue_gym.ontologies import expert_figures

Parts = Mapping[str, Any]
"""Results by the name of the part: its kind, the domain and the environment."""


def tables(parts: Parts, domains: Sequence[str], environments: Sequence[str]) -> str:
    """Return all tables; success is a share, and an error a standard error."""
    cells = [(domain, number) for domain in domains for number in environments]
    sections = [
        ("The expert", _expert(parts, cells)),
        ("The expert without kinds of acts: success, return", _without(parts, cells)),
        *(
            (f"Degenerate policies, {domain}: success, return", _degenerate(parts, domain, environments))
            for domain in domains
        ),
        (
            "Behaviour: the expert's return with the highest value less that with the lowest, and this in"
            " standard errors, in the environment where it differs most",
            _behaviour(parts, domains, environments),
        ),
        ("Searched rules: return, success", _rules(parts, cells)),
    ]
    return "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections) + "\n"


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(*titles: str) -> Iterator[str]:
    yield _row(titles)
    yield _row(["---"] * len(titles))


def _both(score: Mapping[str, float]) -> str:
    return f"{score['success']:.3f}, {score['total']:.2f}"


def _expert(parts: Parts, cells: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from _head(
        "domain", "environment", "success", "return", "turns", "goals that nothing fits",
        "with an alternative", "truncated",
    )  # fmt: skip
    for domain, number in cells:
        part = parts[f"expert {domain} {number}"]
        score = part["scores"]["all acts"]
        total = f"{score['total']:.2f} ± {1.96 * score['return_error']:.2f}"
        shares = [f"{share:.1%}" for share in (part["unmet"], part["alternatives"], score["truncated"])]
        yield _row([domain, number, f"{score['success']:.3f}", total, f"{score['turns']:.2f}", *shares])


def _without(parts: Parts, cells: Sequence[tuple[str, str]]) -> Iterator[str]:
    first = parts[f"expert {cells[0][0]} {cells[0][1]}"]["scores"]
    yield from _head("domain", "environment", *first)
    for domain, number in cells:
        scores = parts[f"expert {domain} {number}"]["scores"]
        yield _row([domain, number, *map(_both, scores.values())])


def _degenerate(parts: Parts, domain: str, environments: Sequence[str]) -> Iterator[str]:
    yield from _head("policy", *environments)
    own = [parts[f"degenerate {domain} {number}"] for number in environments]
    for name in own[0]["scores"]:
        yield _row([name, *(_both(part["scores"][name]) for part in own)])
    yield _row(["the pair", *(" and ".join(f"`{one}`" for one in part["pair"]) for part in own)])
    yield _row(["fewest turns of a constant action", *(part["shortest"] for part in own)])


def _behaviour(parts: Parts, domains: Sequence[str], environments: Sequence[str]) -> Iterator[str]:
    yield from _head("figure", *domains)
    for figure in parts[f"behaviour {domains[0]} {environments[0]}"]:
        row = [figure]
        for domain in domains:
            found = []
            for number in environments:
                low, high = parts[f"behaviour {domain} {number}"][figure]["scores"]
                difference = high["total"] - low["total"]
                error = math.hypot(low["return_error"], high["return_error"])
                found.append((abs(difference) / error, difference, number))
            errors, difference, number = max(found)
            row.append(f"{difference:+.2f} ({errors:.1f}), environment {number}")
        yield _row(row)


def _rules(parts: Parts, cells: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from _head(
        "domain", "environment", "expert", "best by chance", "best", "difference", "figures that differ"
    )
    for domain, number in cells:
        part = parts[f"rules {domain} {number}"]
        scores = [
            f"{part[one]['total']:.2f}, {part[one]['success']:.3f}" for one in ("expert", "by_chance", "best")
        ]
        usual = asdict(expert_figures(len(part["candidate"]["order"])))
        own = part["candidate"]["figures"].items()
        figures = ", ".join(f"{name} {value}" for name, value in own if value != usual[name])
        yield _row([domain, number, *scores, f"{part['difference']:+.2f}", figures])

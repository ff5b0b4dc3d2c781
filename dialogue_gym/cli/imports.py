"""`dialogue-gym import`: make a domain of another system's ontology and database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._text import as_typed, counted, printable
from dialogue_gym.ontologies import Ontology, read_multiwoz, read_pydial, write_project

imports = typer.Typer(help="Make a domain of an ontology and its database.", no_args_is_help=True)

Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder to make, with domain.yml and venues.csv.")]


@imports.command()
def pydial(
    rules: Annotated[Path, typer.Argument(metavar="RULES.json", help="The ontology.")],
    database: Annotated[Path, typer.Argument(metavar="DATABASE.db", help="The venues.")],
    *,
    out: Out,
) -> None:
    """Make a domain of PyDial's files, such as CamRestaurants-rules.json."""
    _write(read_pydial(rules, database), out)


@imports.command()
def multiwoz(
    ontology: Annotated[
        Path, typer.Argument(metavar="ONTOLOGY.json", help="ontology.json, or schema.json of version 2.2.")
    ],
    database: Annotated[
        Path, typer.Argument(metavar="DATABASE.json", help="The venues, such as hotel_db.json.")
    ],
    *,
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="The domain; default: as the database is called.")
    ] = None,
    out: Out,
) -> None:
    """Make a domain of MultiWOZ's files."""
    _write(read_multiwoz(ontology, database, domain), out)


def _write(ontology: Ontology, out: Path) -> None:
    write_project(ontology, out)
    for note in ontology.notes:
        print(f"({printable(note)})")
    sizes = (
        counted(len(ontology.venues), "venue"),
        counted(len(ontology.slots), "slot"),
        counted(len(ontology.attributes), "attribute"),
    )
    print(f"{printable(str(out))}: {', '.join(sizes)}; try dialogue-gym chat {as_typed(out)}")

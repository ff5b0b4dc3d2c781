"""`dialogue-gym stories`: convert, join and inspect stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._files import OutputKind, check_target, write_text
from dialogue_gym._text import counted, nearest, printable
from dialogue_gym.cli.options import SeedOption, note, tell_namesakes
from dialogue_gym.domain import load_domain
from dialogue_gym.stories import (
    FORMATS,
    STORY_GRAPH,
    WRITTEN_STORIES,
    Story,
    dump,
    format_of,
    join,
    load,
    mermaid,
    statistics,
)

stories = typer.Typer(help="Convert, join and inspect stories.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Story files, Markdown or YAML.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File to write; without it, the result is printed.")
]
Format = Annotated[
    str | None,
    typer.Option(metavar="|".join(FORMATS), help="Story format; without it, that of --out, or yaml."),
]


@stories.command()
def convert(files: Files, *, out: Out = None, format: Format = None) -> None:
    """Convert stories to the other format, or tidy them up; several files become one."""
    _write_stories(_load(files), out, format)


@stories.command(name="join")
def join_command(
    files: Files,
    *,
    domain: Annotated[
        str, typer.Option(metavar="DOMAIN|FILE", help="The domain of the stories.", callback=tell_namesakes)
    ],
    rounds: Annotated[
        int, typer.Option(min=0, max=100, help="Rounds of random joins, after checkpoints.")
    ] = 1,
    seed: SeedOption = 0,
    limit: Annotated[int, typer.Option(min=0, help="Maximum number of added dialogues.")] = 10_000,
    out: Out = None,
    format: Format = None,
) -> None:
    """Join short stories into longer dialogues for training: checkpoints first, then at random."""
    loaded = _load(files)
    joined = join(loaded, load_domain(domain), rounds, seed, limit)
    _write_stories(joined, out, format)
    if rules := sum(story.is_rule for story in loaded):
        note(f"{counted(rules, 'rule')} left out: keep the file with {'it' if rules == 1 else 'them'}")


@stories.command()
def stats(
    files: Files,
    *,
    domain: Annotated[
        str | None,
        typer.Option(
            metavar="DOMAIN|FILE",
            help="Also list everything of this domain that no story uses.",
            callback=tell_namesakes,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Count the contents of stories."""
    counted = statistics(_load(files), load_domain(domain) if domain else None).to_json()
    if as_json:
        print(json.dumps(counted, indent=2, ensure_ascii=False))
        return
    for name, value in counted.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            print(f"{title}:")
            for item, count in value.items():
                print(f"  {count:>7}  {printable(item)}")
        elif isinstance(value, list):
            print(f"{title}: {printable(', '.join(value)) or 'none'}")
        else:
            print(f"{title}: {value if isinstance(value, int) else format(value, 'g')}")


@stories.command()
def graph(files: Files, *, out: Out = None) -> None:
    """Draw stories as one Mermaid graph."""
    _write(mermaid(_load(files)), out, STORY_GRAPH)


def _load(files: list[Path]) -> list[Story]:
    return [story for path in files for story in load(path)]


def _write_stories(made: list[Story], out: Path | None, format: str | None) -> None:
    if format is not None and format not in FORMATS:
        raise ValueError(f"--format: unknown story format {format!r}; {nearest(format, FORMATS)}")
    if format is None:
        format = (format_of(out) if out else None) or "yaml"
    _write(dump(made, format), out, WRITTEN_STORIES)
    if out:
        print(f"{out}: {counted(len(made), 'story', 'stories')}")


def _write(text: str, out: Path | None, kind: OutputKind) -> None:
    if out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        check_target(out, kind)
        write_text(out, text)

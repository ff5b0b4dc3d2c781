"""The growth of a bot while it is taught, written into its domain file, whose other content stays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import read_text
from dialogue_gym._text import printable, visible
from dialogue_gym._yaml import parse_yaml
from dialogue_gym.domain.loader import builtin_names, parse_domain
from dialogue_gym.domain.model import DOMAIN_FILE
from dialogue_gym.domain.writer import extended_text
from dialogue_gym.journal.history import History
from dialogue_gym.teaching.export import write_texts


@dataclass(frozen=True)
class Growth:
    """The actions, intents and slots that were taught and that a domain file lacks."""

    path: Path
    actions: tuple[str, ...]
    intents: tuple[str, ...]
    slots: tuple[str, ...]
    text: str
    """The text of the file with them."""

    def __str__(self) -> str:
        """The growth as a clause: `pizza.yml lacks 1 action and 2 slots: utter_price, size, topping`."""
        kinds = (("action", self.actions), ("intent", self.intents), ("slot", self.slots))
        counted = [f"{len(names)} {kind}{'s' * (len(names) > 1)}" for kind, names in kinds if names]
        amount = " and ".join(filter(None, [", ".join(counted[:-1]), counted[-1]]))
        names = ", ".join(printable(name) for _, names in kinds for name in names)
        return f"{visible(self.path.name)} lacks {amount}: {visible(names)}"

    def write(self) -> None:
        """Write it into the file, which keeps its comments and order.

        Raises:
            OSError: the file cannot be written; it is unchanged.
        """
        write_texts({self.path: self.text})


def growth_of(history: History, source: str) -> Growth | None:
    """Return the growth that a domain file lacks as it is now; None without any, or for a built-in domain.

    Raises:
        DomainError: the file cannot be read, or nothing can be added to it in place.
    """
    path = Path(source)
    if source in builtin_names() or not path.is_file():
        return None
    text = read_text(path, DOMAIN_FILE)
    name = printable(path.stem)
    domain = parse_domain(parse_yaml(text, source, DOMAIN_FILE), name)
    grown = history.extended(domain)
    if grown == domain:
        return None
    slots = {slot.name for slot in domain.slots}
    return Growth(
        path,
        tuple(one for one in grown.actions if one not in domain.actions),
        tuple(one for one in grown.intents if one not in domain.intents),
        tuple(slot.name for slot in grown.slots if slot.name not in slots),
        extended_text(text, source, name, history.extended),
    )

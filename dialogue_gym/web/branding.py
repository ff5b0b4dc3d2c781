"""The looks of the visitors' page and of its widget: the bot's name, a color and a logo."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from dialogue_gym._files import read_bytes
from dialogue_gym._text import cut, name_fault, quoted

COLOR, INK = "#1f6b58", "#ffffff"
"""The color of buttons, and that of the text on them."""
_MOST_CHARACTERS = 60
_MOST_BYTES = 1_000_000
_INKS = (INK, "#101820")
_KINDS = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class Branding:
    """The looks of a bot.

    Attributes:
        title: the bot's name for visitors.
        color: the color of buttons, `#rrggbb`; None for the colors of the page's own style.
        logo: an image, and its media type; None for none.
    """

    title: str
    color: str | None = None
    logo: tuple[bytes, str] | None = None

    @classmethod
    def read(cls, name: str, title: str | None, color: str | None, logo: Path | None) -> Branding:
        """Check the looks, and read the image file.

        Args:
            name: the name of the domain, for want of a title.
            title: the bot's name for visitors.
            color: the color of buttons, `#rgb` or `#rrggbb`.
            logo: an image file.

        Raises:
            ValueError: the title, the color or the kind of file cannot be used; one line gives the reason.
            OSError: the file cannot be read.
        """
        if title is None:
            title = cut(name, _MOST_CHARACTERS)
        if fault := name_fault(title):
            raise ValueError(f"--title: {fault}")
        if len(title) > _MOST_CHARACTERS:
            raise ValueError(f"--title: it is longer than {_MOST_CHARACTERS} characters")
        return cls(title, None if color is None else _color(color), None if logo is None else _image(logo))

    @property
    def stylesheet(self) -> str:
        """The style sheet with the color, for after the page's own."""
        if self.color is None:
            return ""
        return f":root {{ --accent: {self.color}; --accent-ink: {ink(self.color)}; }}\n"

    def widget(self, script: str) -> str:
        """Return the script of the widget with these looks in the place of `LOOKS`."""
        color = self.color or COLOR
        looks = {"title": self.title, "color": color, "ink": ink(color), "hasLogo": self.logo is not None}
        return script.replace("LOOKS", json.dumps(looks), 1)


def ink(color: str) -> str:
    """Return the color of text on a background, the one with the higher contrast."""
    return max(_INKS, key=lambda text: contrast(text, color))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors, from 1 to 21.

    Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _color(color: str) -> str:
    if not re.fullmatch("#([0-9a-fA-F]{3}){1,2}", color):
        raise ValueError(f"--color {quoted(color)}: expected a color such as '{COLOR}'")
    digits = color[1:].lower()
    return f"#{digits if len(digits) == 6 else ''.join(2 * digit for digit in digits)}"


def _image(path: Path) -> tuple[bytes, str]:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"--logo {quoted(str(path))}: expected a file {', '.join(_KINDS)}")
    content = read_bytes(path, _MOST_BYTES)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"--logo {quoted(str(path))}: the file is larger than {_MOST_BYTES} bytes")
    return content, kind

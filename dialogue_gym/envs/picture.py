"""A dialogue drawn as a chat: for `render_mode="rgb_array"`. Needs Pillow, the extra `render`."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dialogue_gym._text import counted, visible
from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcripts import OUTCOMES, USER_SIDE, Bubble, bubbles, shown_value
from dialogue_gym.domain.slot import DONT_CARE, EMPTY

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 640, 480
_SCALE = 2
"""Everything is drawn larger and then made smaller, which smooths the edges."""
_HEADER, _ENDING, _PANEL = 36, 34, 196
_MARGIN, _PADDING, _GAP, _CORNER = 14, 9, 8, 11
_CHAT = WIDTH - _PANEL
_WIDEST = _CHAT - 2 * _MARGIN - 2 * _PADDING - 40
_TEXT, _SMALL = 15, 11
_PAGE, _CARD, _LINE, _INK, _FAINT = "#f5f3ef", "#ffffff", "#d9d5cd", "#22262b", "#5d646d"
_USER, _ACCENT = "#dcebe6", "#23695a"
_ENDINGS = {"success": ("#1f6a3a", "#e3f2e6"), "failure": ("#9b2c1f", "#fbe7e3")}
_OTHERS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansArabic-Regular.ttf",
    "Arial Unicode.ttf", "arial.ttf", "PingFang.ttc", "msyh.ttc",
)  # fmt: skip
"""Fonts of systems for characters that Pillow's own font lacks; any of them may be missing."""


def picture(conversation: Conversation) -> npt.NDArray[np.uint8]:
    """Return the end of a conversation as a picture, shape `(480, 640, 3)`, RGB, uint8.

    The user's messages stand on the right, the bot's on the left, each with its meaning; beside them stand
    the slots, and below them the outcome. Characters that no font here has are drawn as boxes. It needs
    Pillow.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _PAGE)
    pen = _Pen(ImageDraw.Draw(image))
    bottom = HEIGHT
    if conversation.outcome:
        bottom -= _ENDING
        _draw_ending(pen, conversation.outcome, bottom)
    at = bottom - _MARGIN
    for bubble in reversed(bubbles(conversation.events)):
        if at <= _HEADER:
            break
        at = _draw_bubble(pen, bubble, at)
    _draw_panel(pen, conversation, bottom)
    turns = sum(bubble.side == USER_SIDE for bubble in bubbles(conversation.events))
    pen.box((0, 0, WIDTH, _HEADER), _CARD)
    pen.box((0, _HEADER - 1, WIDTH, _HEADER), _LINE)
    pen.write((_MARGIN, 23), conversation.domain.name, _ACCENT, _TEXT, 380)
    pen.write((WIDTH - _MARGIN, 22), counted(turns, "turn"), _FAINT, _SMALL + 1, 200, is_right=True)
    return np.array(image.reduce(_SCALE))


def _draw_ending(pen: _Pen, outcome: str, top: int) -> None:
    ink, ground = _ENDINGS.get(outcome, (_FAINT, _LINE))
    pen.box((0, top, WIDTH, HEIGHT), ground)
    text = OUTCOMES.get(outcome, "the dialogue was cut off")
    label = f"Success: {text}." if outcome == "success" else f"{text[0].upper()}{text[1:]}."
    pen.write((_MARGIN, top + 22), label, ink, _TEXT, WIDTH - 2 * _MARGIN)


def _draw_bubble(pen: _Pen, bubble: Bubble, bottom: int) -> int:
    """Draw a message with its side and meaning below it; return the height at which the one above ends."""
    is_user = bubble.side == USER_SIDE
    lines = [line for text in bubble.texts for line in pen.wrapped(text, _TEXT, _WIDEST)]
    about = ["user" if is_user else "bot"] + ([bubble.meaning] if bubble.meaning else [])
    if is_user and bubble.confidence is not None and bubble.confidence < 1:
        about.append(f"{bubble.confidence:.0%} sure")
    note = pen.cut(" · ".join(about), _SMALL, _CHAT - 2 * _MARGIN)
    bottom -= _SMALL + 3
    at = _CHAT - _MARGIN if is_user else _MARGIN
    pen.write((at, bottom + _SMALL + 2), note, _FAINT, _SMALL, _CHAT, is_right=is_user)
    if not lines:  # a silent action
        return bottom - _GAP
    width = max(pen.length(line, _TEXT) for line in lines) + 2 * _PADDING
    height = len(lines) * (_TEXT + 5) + 2 * _PADDING - 5
    left = at - width if is_user else at
    box = (left, bottom - height, left + width, bottom)
    pen.bubble(box, _USER if is_user else _CARD, _USER if is_user else _LINE, is_user)
    for number, line in enumerate(lines):
        pen.write(
            (left + _PADDING, box[1] + _PADDING + number * (_TEXT + 5) + _TEXT - 3), line, _INK, _TEXT, WIDTH
        )
    return bottom - height - _GAP


def _draw_panel(pen: _Pen, conversation: Conversation, bottom: int) -> None:
    """Draw the slots, and the venues where users search, beside the chat."""
    left = _CHAT
    pen.box((left, _HEADER, WIDTH, bottom), _CARD)
    pen.box((left, _HEADER, left + 1, bottom), _LINE)
    left, right = left + _MARGIN, WIDTH - _MARGIN
    at = _HEADER + 24
    pen.write((left, at), "the bot knows", _FAINT, _SMALL, right - left)
    slots = [slot.name for slot in conversation.domain.slots if slot.is_observed]
    values = {name: shown_value(conversation.slots[name]) for name in slots}
    rows = [(name.replace("_", " "), "any" if text == DONT_CARE else text) for name, text in values.items()]
    if (search := conversation.search) is not None:
        # The details of the venue stand in the chat.
        rows += [(title, text) for title, text in search.lines() if title not in ("", "offer", "venue")]
        rows += [("offer", search.name), ("its status", search.status)] if search.name else []
    for number, (title, text) in enumerate(rows):
        at += 24
        if at + 24 > bottom and number < len(rows) - 1:
            pen.write((left, at), f"and {len(rows) - number} more", _FAINT, _SMALL, right - left)
            break
        taken = pen.write((left, at), visible(title), _FAINT, _SMALL + 1, (right - left) * 0.6)
        color, width = _FAINT if text == EMPTY else _INK, right - left - taken - 8
        pen.write((right, at), visible(text), color, _SMALL + 1, width, is_right=True)
        pen.box((left, at + 7, right, at + 8), _PAGE)


class _Pen:
    """A drawing in the units of the picture, at a larger scale."""

    def __init__(self, draw: ImageDraw) -> None:
        """Draw on an image."""
        self._draw = draw

    def box(self, box: tuple[float, float, float, float], color: str) -> None:
        """Fill a rectangle: left, top, right and bottom."""
        left, top, right, bottom = (round(one * _SCALE) for one in box)
        self._draw.rectangle((left, top, right - 1, bottom - 1), color)

    def bubble(self, box: tuple[float, float, float, float], color: str, edge: str, is_user: bool) -> None:
        """Draw a rounded rectangle with one sharp corner, at the side of its speaker."""
        corners = (True, True, not is_user, is_user)
        scaled = [round(one * _SCALE) for one in box]
        self._draw.rounded_rectangle(scaled, _CORNER * _SCALE, color, edge, _SCALE, corners=corners)

    def write(
        self,
        place: tuple[float, float],
        text: str,
        color: str,
        size: int,
        width: float,
        is_right: bool = False,
    ) -> float:
        """Write a line, cut to a width, from its left or to its right end; return its width."""
        text = self.cut(text, size, width)
        length = self.length(text, size)
        x = (place[0] - (length if is_right else 0)) * _SCALE
        for font, run in _runs(text, size):
            self._draw.text((x, place[1] * _SCALE), run, color, font, anchor="ls")
            x += font.getlength(run)
        return length

    def length(self, text: str, size: int) -> float:
        """Return the width of a line."""
        return sum(float(font.getlength(run)) for font, run in _runs(text, size)) / _SCALE

    def cut(self, text: str, size: int, width: float) -> str:
        """Return a text that fits a width, with an ellipsis where it did not."""
        if self.length(text, size) <= width:
            return text
        while text and self.length(f"{text}…", size) > width:
            text = text[:-1]
        return f"{text}…"

    def wrapped(self, text: str, size: int, width: float) -> list[str]:
        """Return a text in lines that fit: broken between words, or within one that is too long."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.length(longer, size) <= width:
                lines[-1] = longer
                continue
            lines.append("")
            for character in word:
                if self.length(lines[-1] + character, size) > width:
                    lines.append("")
                lines[-1] += character
        return lines


def _runs(text: str, size: int) -> Iterator[tuple[Any, str]]:
    """Yield a text in parts, each with the first font that has its characters."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or _font_of(text[place], size) is not _font_of(text[start], size):
            yield _font_of(text[start], size), text[start:place]
            start = place


@functools.lru_cache(maxsize=4096)
def _font_of(character: str, size: int) -> Any:
    fonts = _fonts(size)
    return next((font for font in fonts if _has(font, character)), fonts[0])


def _has(font: Any, character: str) -> bool:
    """Return whether a font has a character: if not, it draws the same box as for one that none has."""
    return character.isspace() or bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))


@functools.lru_cache(maxsize=16)
def _fonts(size: int) -> tuple[Any, ...]:
    """Return the font that comes with Pillow, and those of the system that are there."""
    from PIL import ImageFont

    found: list[Any] = [ImageFont.load_default(size * _SCALE)]
    for name in _OTHERS:
        try:
            found.append(ImageFont.truetype(name, size * _SCALE))
        except OSError:
            continue
    return tuple(found)

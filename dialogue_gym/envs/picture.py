"""A dialogue drawn as a chat: for `render_mode="rgb_array"`. Needs Pillow, the extra `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dialogue_gym.conversation.conversation import Conversation
from dialogue_gym.conversation.transcripts import OUTCOMES, USER_SIDE, bubbles

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 640, 480
_MARGIN, _PADDING, _GAP = 16, 10, 8
_WIDEST = 440
_TEXT_SIZE, _SMALL_SIZE = 16, 12
_PAGE, _INK, _FAINT = (245, 246, 248), (28, 32, 38), (95, 102, 112)
_USER, _BOT = (210, 228, 252), (255, 255, 255)


def picture(conversation: Conversation) -> npt.NDArray[np.uint8]:
    """Return the end of a conversation as a picture, shape `(480, 640, 3)`, RGB.

    Characters that the font lacks, such as Chinese ones, are drawn as boxes. It needs Pillow.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), _PAGE)
    pen = _Pen(ImageDraw.Draw(image))
    bottom = HEIGHT - _MARGIN
    if conversation.outcome:
        ending = OUTCOMES.get(conversation.outcome, "the dialogue was cut off")
        bottom = pen.note(f"{ending[0].upper()}{ending[1:]}.", bottom)
    for bubble in reversed(bubbles(conversation.events)):
        if bottom <= 0:
            break
        bottom = pen.bubble(bubble.side == USER_SIDE, bubble.texts, bubble.meaning or "", bottom)
    return np.array(image)


class _Pen:
    """A drawing from the bottom up; each method returns the height at which the next thing ends."""

    def __init__(self, draw: ImageDraw) -> None:
        """Load the font that comes with Pillow."""
        from PIL import ImageFont

        self._draw = draw
        self._text: Any = ImageFont.load_default(_TEXT_SIZE)
        self._small: Any = ImageFont.load_default(_SMALL_SIZE)

    def note(self, text: str, bottom: int) -> int:
        """Draw a line in the middle."""
        left = (WIDTH - int(self._draw.textlength(text, font=self._small))) // 2
        self._draw.text((left, bottom - _SMALL_SIZE), text, _FAINT, self._small)
        return bottom - _SMALL_SIZE - 2 * _GAP

    def bubble(self, is_user: bool, texts: list[str], meaning: str, bottom: int) -> int:
        """Draw a message, with its meaning below it; the user's stand on the right."""
        lines = [line for text in texts for line in self._wrapped(text, self._text)]
        faint = self._wrapped(meaning, self._small)
        width = max((int(self._draw.textlength(line, font=self._text)) for line in lines), default=0)
        width = max([width, *(int(self._draw.textlength(line, font=self._small)) for line in faint)])
        height = len(lines) * (_TEXT_SIZE + 5) + len(faint) * (_SMALL_SIZE + 4) + 2 * _PADDING
        left = WIDTH - _MARGIN - width - 2 * _PADDING if is_user else _MARGIN
        top = bottom - height
        box = (left, top, left + width + 2 * _PADDING, bottom)
        self._draw.rounded_rectangle(box, _PADDING, _USER if is_user else _BOT)
        at = top + _PADDING
        for line in lines:
            self._draw.text((left + _PADDING, at), line, _INK, self._text)
            at += _TEXT_SIZE + 5
        for line in faint:
            self._draw.text((left + _PADDING, at), line, _FAINT, self._small)
            at += _SMALL_SIZE + 4
        return top - _GAP

    def _wrapped(self, text: str, font: Any) -> list[str]:
        """Return a text in lines that fit: broken between words, or within one that is too long."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self._draw.textlength(longer, font=font) <= _WIDEST:
                lines[-1] = longer
                continue
            lines.append("")
            for character in word:
                if self._draw.textlength(lines[-1] + character, font=font) > _WIDEST:
                    lines.append("")
                lines[-1] += character
        return lines

"""When to share the lanes out among threads."""

from __future__ import annotations

import math

SLOW = 4
"""How many times slower than the fastest one a step is that looks held up."""
DELAY = 500e-6
"""Seconds that it takes longer, at least."""
FIRST_PAUSE, LONGEST_PAUSE = 16, 4096
TRIES = 4


class Sharing:
    """Decides for each step whether the lanes are shared out, from how long the earlier steps took.

    Where other programs keep the cores busy, a thread whose helper is not running waits until it is: a step
    of 60 microseconds then takes milliseconds. After a step that looks held up, some are played without
    help, then a few with it: if none of these is faster, more are played without.
    """

    def __init__(self) -> None:
        """Begin with help."""
        self._fastest = math.inf
        self._alone = math.inf
        self._left = 0
        self._tries = 0
        self._pause = FIRST_PAUSE

    def is_on(self) -> bool:
        """Return whether to share the next step out."""
        return self._left == 0

    def took(self, seconds: float) -> None:
        """Note how long the step took about which `is_on` was asked."""
        if self._left:
            self._left -= 1
            self._alone = min(self._alone, seconds)
        elif self._alone < seconds:
            self._tries += 1
            if self._tries == TRIES:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._play_alone()
        elif self._alone < math.inf:  # help pays, so this is how long a step takes now
            self._pause = max(self._pause // 2, FIRST_PAUSE)
            self._alone = math.inf
            self._fastest = seconds
        elif seconds > SLOW * self._fastest + DELAY:
            self._play_alone()
        else:
            self._fastest = min(self._fastest, seconds)

    def _play_alone(self) -> None:
        self._left = self._pause
        self._tries = 0
        self._alone = math.inf

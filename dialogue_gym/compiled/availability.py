"""The compiler: a check that it is there, before anything that needs it is imported."""

from __future__ import annotations

import gymnasium as gym


def need_compiler(otherwise: str) -> None:
    """Make sure that rules can be compiled here.

    Args:
        otherwise: the way to do without.

    Raises:
        gymnasium.error.Error: Numba is not installed, or does not compile; the message ends in `otherwise`.
    """
    try:
        import numba
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in ("numba", "llvmlite"):
            raise
        raise gym.error.DependencyNotInstalled(
            f'compiled rules need Numba: pip install "dialogue_gym[fast]"; without it, {otherwise}'
        ) from None
    if numba.config.DISABLE_JIT:
        raise gym.error.Error(
            f"compiled rules need Numba's compiler, which NUMBA_DISABLE_JIT turns off; otherwise {otherwise}"
        )

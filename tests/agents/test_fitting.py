"""The study of fitted users against the true ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from agents.fitting import DOMAINS, POLICIES, FittingTrial, draw_user, run, tables, talk, true_figure
from dialogue_gym import load_domain
from dialogue_gym.fitting import fit_user

Z = 1.96


@pytest.mark.slow
@pytest.mark.parametrize(("domain", "users", "dialogues"), [("concert", 40, 200), ("restaurant", 15, 100)])
def test_intervals_are_as_wide_as_the_errors(domain: str, users: int, dialogues: int) -> None:
    """Errors that were half or twice as large as the intervals say would fail."""
    known = load_domain(domain)
    hits, errors = [], []
    for seed in range(100, 100 + users):
        true = draw_user(known, np.random.default_rng([seed, DOMAINS.index(domain)]))
        for one in fit_user(known, talk(true, seed, dialogues)).figures:
            if one.is_identified and one.high - one.low > 0:
                truth = true_figure(true, one.name, one.part)
                hits.append(one.low - 1e-9 <= truth <= one.high + 1e-9)
                errors.append((one.value - truth) / ((one.high - one.low) / (2 * Z)))
    assert len(hits) > 100 and 0.9 < np.mean(hits) < 0.99
    assert 0.8 < np.sqrt(np.mean(np.square(errors))) < 1.2


@pytest.mark.slow
def test_a_policy_for_the_fitted_user_is_as_good_as_one_for_the_true_one() -> None:
    result = run(FittingTrial("concert", 6, 300, POLICIES))
    policies = result["policies"]
    assert policies["true"][2] == "exact"
    assert policies["fitted"][1] >= 0.98 * policies["true"][1]
    assert "| concert | the fitted user | " in tables([result])


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    words = ["--out", str(out), "--users", "2", "--dialogues", "30", "--policies", "0", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "agents.fitting", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_stopped_study_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    process = start(tmp_path)
    while not (path.exists() and path.read_text().count("\n")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    first, _, rest = path.read_text().partition("\n")
    path.write_text(f'{first}\n{rest[: len(rest) // 2]}{{"half a line')

    process = start(tmp_path)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert errors.startswith("1 of 2\n2 of 2 figures of user 0 of concert\n")
    lines = path.read_text().splitlines()
    assert lines[0] == first and len(lines) == 2
    assert output.startswith("2 users:\n") and output == (tmp_path / "fitting.md").read_text()

    process = start(tmp_path)
    assert process.communicate(timeout=120) == (output, "2 of 2\n")
    process = start(tmp_path, "--domain", "concert", "--users", "1")
    shown, errors = process.communicate(timeout=120)
    assert shown.startswith("1 user:\n") and errors == "1 of 1\n"
    path.write_text('{"fingerprint": "x"}\n')
    for words, error in (
        ((), f"{path}:1: not a finished trial"),
        (("--domain", "concerts"), "unknown domain 'concerts'; did you mean 'concert'?"),
    ):
        process = start(tmp_path, *words)
        assert process.communicate(timeout=120) == ("", f"error: {error}\n")
        assert process.returncode == 2

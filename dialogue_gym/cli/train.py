"""`dialogue-gym train`: let an agent learn with the fake user of a domain."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_gym._files import prepared_folder
from dialogue_gym._text import as_typed, printable
from dialogue_gym.bounds.bounding import Bounding, BoundMethod
from dialogue_gym.cli.options import (
    STORE_PLACE,
    DomainName,
    GivenPlace,
    SeedOption,
    SettingsArgument,
    note,
    one_of,
)
from dialogue_gym.domain import load_domain
from dialogue_gym.envs import unwrapped_dialogue
from dialogue_gym.envs.settings import MAX_DIALOGUES
from dialogue_gym.journal.location import has_store
from dialogue_gym.policies.saved import check_agent_folder, is_agent
from dialogue_gym.reports.report import settings_note
from dialogue_gym.training.configuration import (
    agent_config,
    agent_names,
    check_warm_start,
    training_steps,
)
from dialogue_gym.training.demonstrations import taught_labels
from dialogue_gym.training.environments import (
    check_user,
    environment_of,
    make_env,
    parse_pairs,
    settings_of,
)
from dialogue_gym.training.tracker import TrackingTool, available_tracker, tracking

if TYPE_CHECKING:
    from dialogue_gym.training import Curve, Evaluation, Learned, Run

BoundOption = Annotated[
    str,
    typer.Option(
        "--bound",
        **one_of(BoundMethod),
        help="The way to the bound of the mean return, which is computed during the training.",
    ),
]

TrackOption = Annotated[
    str | None,
    typer.Option(
        "--track",
        **one_of(TrackingTool),
        help="The tracker of the training's figures; tensorboard by default, where it is installed.",
    ),
]
LabelsOption = Annotated[
    GivenPlace | None,
    typer.Option("--labels", help="A taught store, with whose labels a warm_ agent begins.", **STORE_PLACE),
]
EnvKwargsOption = Annotated[
    list[str] | None,
    typer.Option("--env-kwargs", metavar="KEY:VALUE", help="A setting, as in RL Zoo; repeat for more."),
]
HyperparamsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hyperparams",
        metavar="KEY:VALUE",
        help="A hyperparameter, in the place of the configured one; repeat for more.",
    ),
]

_ENOUGH = 0.5
"""The success rate below which more steps are suggested."""
_HARDLY = 0.01
_KILLED = 128
"""The exit status after a signal is this and its number, as shells have it."""


def train(
    source: DomainName,
    settings: SettingsArgument = None,
    *,
    agent: Annotated[
        str, typer.Option(metavar="NAME", help=f"Kind of agent: {', '.join(agent_names())}.")
    ] = "maskable_ppo",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the agent; default: DOMAIN-NAME.")
    ] = None,
    labels: LabelsOption = None,
    curriculum: Annotated[
        bool,
        typer.Option(
            "--curriculum",
            help="For long dialogues: reward progress, and train with patient users first; twice the steps.",
        ),
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of training; each kind of agent has its own default.")
    ] = None,
    dialogues: Annotated[
        int, typer.Option(min=1, max=MAX_DIALOGUES, help="Dialogues in the evaluation at the end.")
    ] = 1000,
    seed: SeedOption = 0,
    bound: BoundOption = BoundMethod.AUTO,
    track: TrackOption = None,
    env_kwargs: EnvKwargsOption = None,
    hyperparams: HyperparamsOption = None,
) -> None:
    """Train an agent with the fake user of a domain; chat, live and evaluate take it."""
    domain = load_domain(source)
    check_user(source, domain)
    env_id, own = environment_of(source)
    keywords = settings_of(settings, env_kwargs, ("domain",))
    tracker = available_tracker(track)
    config = agent_config(agent, env_id, own)
    usual_steps = training_steps(agent, env_id, curriculum, own)
    env = make_env(env_id, own | keywords)  # errors in settings show before the long part
    if labels:
        check_warm_start(agent, env_id, own)
        taught_labels(env, labels)
    elif config["warm_start"] and not domain.expert:
        raise ValueError(
            f"{agent}: it begins with the domain's expert, and {source} has none (the key 'expert');"
            " --labels STORE begins with the labels of a taught one"
        )
    folder = out or Path(f"{domain.name}-{agent}")
    if has_store(folder):
        raise ValueError(f"{folder}: this is a store; give another folder for the agent")
    check_agent_folder(folder, domain.name)
    from dialogue_gym.training import Run, check_hyperparameters, progress_bar, save_metrics, save_trained
    from dialogue_gym.training import train as run_training
    from dialogue_gym.training.evaluation import evaluate

    hyperparameters = parse_pairs(hyperparams or (), ":")
    check_hyperparameters(config["algorithm"], hyperparameters)

    run = Run(env_id, own | keywords, agent, seed, steps or usual_steps, curriculum, hyperparameters)
    latest = _Latest()
    with (
        prepared_folder(folder),  # whether it can be written shows before the long part
        _kept_if_stopped(folder, run, latest),
        Bounding(env_id, run.settings, BoundMethod(bound), seed, note) as bounding,
    ):
        with (
            tracking(tracker, folder, run.name, vars(run), note) as logger,
            progress_bar(f"{agent} learns {domain.name}", run.steps) as progress,
        ):
            trained, curve, seconds = run_training(run, progress, latest.see, labels=labels, logger=logger)
        policy = save_trained(folder, run, trained)
        latest.is_saved = True
        with progress_bar("evaluation", dialogues, "dialogues") as progress:
            figures = evaluate(run.make_env(), policy, dialogues, seed, progress, uses_masks=True)
        best = bounding.result()
    value, interval = (best.value, best.interval) if best else (None, None)
    save_metrics(folder, run, trained.num_timesteps, seconds, figures, value, interval)
    print(f"{agent} on {domain.name}{settings_note(keywords)}: {figures}")
    if best:
        print(f"bound of the mean return: {best}")
    patience = unwrapped_dialogue(run.make_env()).patience
    for advice in _advice(patience, figures, curve, run.steps, usual_steps):
        print(advice)
    command = f"dialogue-gym chat {as_typed(source)} --agent {as_typed(folder)}"
    print(f"It is saved in {printable(str(folder))}. Talk to it: {command}")


@dataclass
class _Latest:
    """The agent as it was after the last training dialogue."""

    agent: Learned | None = None
    steps: int = 0
    is_saved: bool = False

    def see(self, dialogues: int, steps: int, agent: Learned) -> None:
        """Take the agent: the watcher of a training."""
        self.agent, self.steps = agent, steps


@contextlib.contextmanager
def _kept_if_stopped(folder: Path, run: Run, latest: _Latest) -> Iterator[None]:
    """On Ctrl-C or SIGTERM save what was learned, unless an earlier agent would be lost; exit with a note."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except KeyboardInterrupt as stop:
        from dialogue_gym.training import save_trained

        after = f"stopped after {latest.steps:,} of {run.steps:,} steps"
        shown = printable(str(folder))
        if latest.is_saved:
            note(f"stopped before the evaluation ended; the agent is saved in {shown}")
        elif latest.agent is None:
            note("stopped before the first dialogue ended; nothing was saved")
        elif is_agent(folder):
            note(f"{after}; {shown} has its earlier agent, and nothing was saved")
        else:
            save_trained(folder, run, latest.agent)
            note(f"{after}; the agent learned until then is saved in {shown}")
        number = signal.SIGTERM if isinstance(stop, _Terminated) else signal.SIGINT
        raise typer.Exit(_KILLED + number) from None
    finally:
        signal.signal(signal.SIGTERM, before)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, by which systems stop a process."""


def _stop(number: int, frame: object) -> None:
    raise _Terminated


def _advice(patience: int, figures: Evaluation, curve: Curve, steps: int, usual_steps: int) -> Iterator[str]:
    """Yield a line on an agent that seldom succeeds, which names the reason if it is known."""
    last = curve.stages[-1][1] if curve.stages else None
    if figures.success_rate >= _ENOUGH:
        return
    if steps < usual_steps:
        yield f"It seldom succeeds after {steps:,} steps: without --steps it trains for {usual_steps:,}."
    elif last is not None and last > patience:
        yield (
            f"Its training ended among patient users: they hung up after {last} useless turns, these after"
            f" {patience}. Try more --steps, or a warm_ agent."
        )
    elif last is None and figures.success_rate < _HARDLY and figures.mean_turns < 2 * (patience + 1):
        yield (
            f"It lets users hang up, which they do after {patience} useless turns: success is too far away."
            " Try --curriculum, or a warm_ agent, as in --agent warm_maskable_ppo."
        )
    else:
        yield "It seldom succeeds: try more --steps, or another --agent."

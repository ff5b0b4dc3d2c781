"""A small transformer learns to book from text alone: first from an expert's dialogues, then by reward.

It needs neither a download nor a graphics card: the model is made on the spot. It reads the user's
sentences and its own actions so far (`dialogue_gym.text`, mode `names`), and chooses the name of an action.
It first imitates some dialogues of the expert, and then improves by GRPO: it meets the same user several
times, and makes the choices of those dialogues likelier that went better than their group did.

    python -m agents.language.grpo restaurant --error-rate 0.15 --out out/language

writes `curve.json` and `curve.png`. Sources: Shao et al. 2024, DeepSeekMath (GRPO); Schulman et al. 2017,
Proximal policy optimization algorithms.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from agents.language.transcripts import Vocabulary
from agents.language.transformer import CONTEXT, Transformer, padded
from dialogue_gym import DialogueEnv, ExpertPolicy
from dialogue_gym.text import TextDialogue
from dialogue_gym.utils import write_text, write_whole

EVALUATION = 1_000_000
"""The seed of the first dialogue of an evaluation; nothing is learned from these."""
USERS, GROUP = 16, 8
"""Users of an iteration, and dialogues with each of them."""
CLIP = 0.2
MESSAGE = 39
"""The most tokens of a message that are read: the newest ones."""


@dataclass
class Dialogue:
    """A dialogue as tokens."""

    tokens: list[int]
    places: list[int] = field(default_factory=list)
    """Where the actions were chosen: the token before each."""
    actions: list[int] = field(default_factory=list)
    total: float = 0.0
    """The return."""
    is_success: bool = False


def _has_room(dialogue: Dialogue) -> bool:
    """Return whether the model could read an action more, and the message after it."""
    return len(dialogue.tokens) < CONTEXT - MESSAGE - 1


class Bot:
    """The transformer in the dialogues of a domain."""

    def __init__(self, domain: str, settings: dict[str, Any], demonstrations: int, seed: int) -> None:
        """Play the expert's dialogues, and make a model for their words."""
        self.domain, self.settings = domain, settings
        self.env = DialogueEnv(domain, **settings)
        self.names = self.env.action_names
        played = [self._demonstration(seed + number) for number in range(demonstrations)]
        self.vocabulary = Vocabulary(self.names, (message for messages, _ in played for message in messages))
        self.demonstrations = [self._tokens(messages, actions) for messages, actions in played]
        torch.manual_seed(seed)
        self.model = Transformer(len(self.vocabulary), len(self.names))

    def _demonstration(self, seed: int) -> tuple[list[str], list[int]]:
        """Return the messages of the user and the actions of the expert, who sees the bot's knowledge."""
        text, expert = TextDialogue(self.domain, **self.settings), ExpertPolicy(self.env, seed)
        observation, _ = self.env.reset(seed=seed)
        messages, actions, over = [text.reset(seed)], [], False
        while not over:
            action = int(expert.predict(observation)[0])
            observation, _, terminated, truncated, _ = self.env.step(action)
            messages.append(text.step(self.names[action]).message)
            actions.append(action)
            over = terminated or truncated
        return messages, actions

    def _tokens(self, messages: Sequence[str], actions: Sequence[int]) -> Dialogue:
        dialogue = Dialogue([])
        for message, action in zip(messages, actions, strict=False):
            self._hear(dialogue, message)
            self._act(dialogue, action)
            if not _has_room(dialogue):
                break
        return dialogue

    def _hear(self, dialogue: Dialogue, message: str) -> None:
        dialogue.tokens += self.vocabulary.message(message)[-MESSAGE:] or [0]

    def _act(self, dialogue: Dialogue, action: int) -> None:
        dialogue.places.append(len(dialogue.tokens) - 1)
        dialogue.actions.append(action)
        dialogue.tokens.append(self.vocabulary.action(action))

    @torch.no_grad()
    def play(self, seeds: Sequence[int], generator: torch.Generator | None = None) -> list[Dialogue]:
        """Play a dialogue for each seed, all at once: drawn by a generator, or with the likeliest actions.

        A dialogue that grows too long for the model is left where it is, with what it earned so far.
        """
        texts = [TextDialogue(self.domain, **self.settings) for _ in seeds]
        dialogues = [Dialogue([]) for _ in seeds]
        for text, dialogue, seed in zip(texts, dialogues, seeds, strict=True):
            self._hear(dialogue, text.reset(seed))
        going = list(range(len(seeds)))
        while going:
            logits = self.model(padded([dialogues[i].tokens for i in going]))
            last = torch.tensor([len(dialogues[i].tokens) - 1 for i in going])
            logits = logits[torch.arange(len(going)), last]
            if generator is None:
                chosen = logits.argmax(1)
            else:
                chosen = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
            for i, action in zip(going, chosen.tolist(), strict=True):
                self._act(dialogues[i], action)
                done = texts[i].step(self.names[action])
                dialogues[i].total += done.reward
                dialogues[i].is_success = done.is_success
                self._hear(dialogues[i], done.message)
            going = [i for i in going if not texts[i].is_over and _has_room(dialogues[i])]
        return dialogues

    def scores(self, dialogues: Sequence[Dialogue]) -> Tensor:
        """Return the logarithms of the chances of all actions in dialogues, one after the other."""
        logits: Tensor = self.model(padded([dialogue.tokens for dialogue in dialogues]))
        rows = [row for row, dialogue in enumerate(dialogues) for _ in dialogue.places]
        places = [place for dialogue in dialogues for place in dialogue.places]
        actions = torch.tensor([action for dialogue in dialogues for action in dialogue.actions])
        return logits[rows, places].log_softmax(1).gather(1, actions[:, None])[:, 0]


def imitate(bot: Bot, epochs: int, seed: int) -> None:
    """Learn the expert's actions by heart, as far as the dialogues go."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(bot.model.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(epochs):
        order = torch.randperm(len(bot.demonstrations), generator=generator).tolist()
        for start in range(0, len(order), 16):
            loss = -bot.scores([bot.demonstrations[i] for i in order[start : start + 16]]).mean()
            _step(bot.model, optimizer, loss)


def improve(bot: Bot, iterations: int, seed: int, watch: Any) -> None:
    """Improve by GRPO; `watch` is called with the number of iterations so far after each."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(bot.model.parameters(), lr=1e-3, weight_decay=0.0)
    for number in range(iterations):
        first = seed + 10_000 + number * USERS
        seeds = [first + user for user in range(USERS) for _ in range(GROUP)]
        dialogues = bot.play(seeds, generator)
        totals = torch.tensor([dialogue.total for dialogue in dialogues]).reshape(USERS, GROUP)
        # Better than the group or worse: the user is the same, and so is what cannot be helped.
        advantages = (totals - totals.mean(1, keepdim=True)) / (totals.std(1, keepdim=True) + 1.0)
        weights = advantages.flatten().repeat_interleave(
            torch.tensor([len(dialogue.actions) for dialogue in dialogues])
        )
        with torch.no_grad():
            before = bot.scores(dialogues)
        for _ in range(2):
            ratio = (bot.scores(dialogues) - before).exp()
            gain = torch.minimum(ratio * weights, ratio.clamp(1 - CLIP, 1 + CLIP) * weights)
            _step(bot.model, optimizer, -gain.mean())
        watch(number + 1)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def evaluate(bot: Bot, dialogues: int) -> tuple[float, float]:
    """Return success and mean return of the likeliest actions, in dialogues that nothing is learned from."""
    played = bot.play(range(EVALUATION, EVALUATION + dialogues))
    successes = sum(dialogue.is_success for dialogue in played)
    return successes / dialogues, sum(dialogue.total for dialogue in played) / dialogues


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number of at least 1")
    return int(text)


def main() -> None:
    """Read the command line, learn, and write the curve."""
    parser = argparse.ArgumentParser(prog="agents.language.grpo", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("domain", help="a domain file, or the name of a built-in domain")
    parser.add_argument("--error-rate", type=float, default=0.0, help="semantic error rate")
    parser.add_argument("--demonstrations", type=_count, default=50, help="dialogues of the expert")
    parser.add_argument("--epochs", type=_count, default=10, help="times that these are learned from")
    parser.add_argument("--iterations", type=_count, default=100, help=f"of {USERS * GROUP} dialogues each")
    parser.add_argument("--dialogues", type=_count, default=500, help="dialogues of an evaluation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for curve.json and curve.png")
    options = parser.parse_args()
    torch.set_num_threads(1)  # small networks are faster so

    start = time.perf_counter()
    settings = {"semantic_error_rate": options.error_rate}
    try:
        bot = Bot(options.domain, settings, options.demonstrations, options.seed)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    imitate(bot, options.epochs, options.seed)
    curve: list[dict[str, float]] = []

    def watch(iterations: int) -> None:
        if iterations % 10 and iterations != options.iterations:
            return
        success, total = evaluate(bot, options.dialogues)
        curve.append({"dialogues": iterations * USERS * GROUP, "success_rate": success, "mean_return": total})
        seconds = time.perf_counter() - start
        print(
            f"{curve[-1]['dialogues']:>7,} dialogues: {success:6.1%}, return {total:6.2f}, {seconds:4.0f} s",
            flush=True,
        )

    watch(0)
    improve(bot, options.iterations, options.seed, watch)
    if options.out:
        content = {key: value for key, value in vars(options).items() if key != "out"}
        write_text(options.out / "curve.json", json.dumps(content | {"curve": curve}, indent=1) + "\n")
        draw(curve, options.out / "curve.png")


def draw(curve: Sequence[dict[str, float]], path: Path) -> None:
    """Draw success and return over the dialogues that were learned from."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for plot, key, label in ((left, "success_rate", "success rate"), (right, "mean_return", "mean return")):
        plot.plot([point["dialogues"] for point in curve], [point[key] for point in curve], marker=".")
        plot.set(xlabel="dialogues of GRPO", ylabel=label)
        plot.grid(alpha=0.3)
    write_whole(path, lambda whole: figure.savefig(whole, format="png", dpi=110))


if __name__ == "__main__":
    main()

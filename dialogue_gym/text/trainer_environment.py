"""A class whose methods are the actions of a domain, as trainers of language models take environments.

The shape is that of `environment_factory` in TRL's `GRPOTrainer`
(https://huggingface.co/docs/trl/grpo_trainer): each public method is a tool, with typed arguments and a
docstring; `reset(**columns)` begins a rollout, and `get_reward()` scores it. TRL itself is not imported.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from dialogue_gym._text import quoted, take_name
from dialogue_gym.domain import Domain, load_domain
from dialogue_gym.domain.sources import Source
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.text.tools import Argument, Tool, tools_of

_COLUMNS = ("seed", "goal", "user")
_OURS = ("reset", "get_reward", "instructions")
_TYPES: dict[str, Any] = {"string": str, "number": float, "boolean": bool}


class ToolEnvironment:
    """A dialogue for each rollout, whose subclasses have a method for each action of a domain.

    Make a subclass with `tool_environment`.
    """

    instructions: str
    """A system prompt for the domain."""
    _settings: Mapping[str, Any]
    _domain: Domain

    def __init__(self) -> None:
        """Prepare dialogues."""
        self._dialogue = TextDialogue(self._domain, "tools", **self._settings)
        self._rewards: list[float] = []

    def reset(self, **columns: Any) -> str:
        """Begin a dialogue; return the user's first sentence.

        Args:
            **columns: a row of the data: `seed`, `goal` and `user` are those of `DialogueEnv.reset`; others
                are left alone. None, also in the goal, means drawn.

        Raises:
            ValueError: the goal or the user is not one of the domain's, or the seed is negative.
            TypeError: the seed is not a whole number.
        """
        given = {name: columns[name] for name in _COLUMNS if columns.get(name) is not None}
        seed = given.pop("seed", None)
        if isinstance(seed, float) and seed.is_integer():  # tables with missing numbers have floats
            seed = int(seed)
        goal = given.get("goal", {})
        if not isinstance(goal, Mapping):
            raise ValueError(f"goal: must be a mapping of slots to values, not {quoted(repr(goal))}")
        try:
            message = self._dialogue.reset(seed, given)
        except ValueError as error:
            raise ValueError(str(error).replace("options['goal']", "goal", 1)) from None
        self._rewards = []
        return message

    def get_reward(self) -> float:
        """Return the return of the dialogue so far: the sum of its rewards."""
        return float(sum(self._rewards))

    def _do(self, action: str, arguments: Mapping[str, Any]) -> str:
        if self._dialogue.is_over:
            return "(the dialogue is over)"
        given = {name: value for name, value in arguments.items() if value is not None}
        done = self._dialogue.step({"name": action, "arguments": given})
        self._rewards.append(done.reward)
        return done.message


def tool_environment(domain: Source | Domain, **settings: Any) -> type[ToolEnvironment]:
    """Return the class for `GRPOTrainer(environment_factory=...)`.

    Args:
        domain: path of a domain file, name of a built-in domain, or a `Domain`.
        **settings: those of `TextDialogue`, but for the mode, which is `"tools"`.

    Raises:
        DomainError: the domain cannot be used, or it has no fake user.
        ValueError: a setting is unknown or out of bounds; the message names it.
    """
    if "mode" in settings:
        raise ValueError("mode: cannot be set here; a trainer calls tools")
    known = load_domain(domain)
    prompt = TextDialogue(known, "tools", **settings).instructions
    own: dict[str, Any] = {"_domain": known, "_settings": settings, "instructions": prompt}
    for tool in tools_of(known):
        name = _method_name(tool.name, {*own, *vars(ToolEnvironment)})
        own[name] = _method(name, tool)
    title = "".join(part.title() for part in re.split(r"\W+|_", known.name))
    return type(f"{title or 'Domain'}Environment", (ToolEnvironment,), own)


def _method_name(action: str, taken: Collection[str]) -> str:
    """Return the name of an action's method: public, and no other one's."""
    plain = re.sub(r"\W", "_", action)
    name = whole = plain if plain not in _OURS and plain[:1].isalpha() else f"do_{plain}"
    number = 1
    while name in taken:
        number += 1
        name = f"{whole}_{number}"
    return name


def _method(name: str, tool: Tool) -> Callable[..., str]:
    """Return the method of an action, with the signature and docstring that describe it to a model."""

    def method(self: ToolEnvironment, *arguments: Any, **named: Any) -> str:
        # A model's wrong arguments are answered in text, so that Python must not refuse them.
        given = dict(zip(taken, arguments, strict=False)) | named
        slots = {known: argument.name for known, argument in taken.items()}
        return self._do(tool.name, {slots.get(known, known): value for known, value in given.items()})

    taken = _parameters(tool)
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    for known, argument in taken.items():
        parameters.append(
            inspect.Parameter(
                known,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if argument.is_required else None,
                annotation=_annotation(argument),
            )
        )
    method.__name__ = method.__qualname__ = name
    method.__doc__ = _docstring(tool, taken)
    method.__annotations__ = {one.name: one.annotation for one in parameters[1:]} | {"return": str}
    method.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    return method


def _parameters(tool: Tool) -> dict[str, Argument]:
    """Return the arguments of a tool by names of parameters, the required ones first.

    The name is that of the slot, where Python allows it: a slot `from` is the parameter `from_`.
    """
    names = {"self"}
    found: dict[str, Argument] = {}
    for argument in sorted(tool.arguments, key=lambda argument: not argument.is_required):
        plain = re.sub(r"\W", "_", argument.name)
        plain = plain if plain.isidentifier() else f"_{plain}"
        plain += "_" * (plain in names or keyword.iskeyword(plain))
        found[take_name(plain, names, "{name}_{number}")] = argument
    return found


def _annotation(argument: Argument) -> Any:
    kind = Literal[argument.values] if argument.values else _TYPES[argument.type]
    return kind if argument.is_required else kind | None


def _docstring(tool: Tool, parameters: Mapping[str, Argument]) -> str:
    lines = [tool.description]
    if tool.arguments:
        said = "the user's wish" + ("" if tool.arguments[0].is_required else ", if it is known")
        names = sorted(parameters, key=lambda name: tool.arguments.index(parameters[name]))
        lines += ["", "Args:", *(f"    {name}: {said}." for name in names)]
    return "\n".join([*lines, "", "Returns:", "    The user's next sentence, after remarks in brackets."])

"""An ensemble of networks whose weights are shared between the slots of a domain, in PyTorch."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from dialogue_gym.envs.dialogue import DialogueEnv
from dialogue_gym.policies.network import Layer

_BIAS_SCALE = 0.3
"""The standard deviation of initial biases: units begin to differ even where few inputs are set."""


@dataclass(frozen=True)
class SlotLayout:
    """The relation of the inputs and actions of a domain to its slots.

    An input or an action is a pair: the index of its slot, None if it has none, and its *role*, which is the
    same for all slots. `utter_ask_price` has the role `request` of the slot `price`, and the last action
    `utter_ask_price` is an input of that slot.

    Attributes:
        slots: the slots that have actions, in order.
        inputs: the pair of each input of the one-hot observation.
        actions: the pair of each action.
    """

    slots: tuple[str, ...]
    inputs: tuple[tuple[int | None, Hashable], ...]
    actions: tuple[tuple[int | None, Hashable], ...]

    @classmethod
    def of(cls, env: DialogueEnv) -> SlotLayout:
        """Return the layout of an environment."""
        user = env.domain.fake_user
        models = {model.name: model for model in user.actions} if user else {}
        slotted = {name: model for name, model in models.items() if model.slot in _slots_of(env)}
        own = {model.slot for model in slotted.values()}
        slots = tuple(name for name in _slots_of(env) if name in own)
        places = {name: (slots.index(str(model.slot)), model.reaction) for name, model in slotted.items()}
        inputs: list[tuple[int | None, Hashable]] = []
        for field in env.observation_fields:
            prefix, _, last = field.name.rpartition(".")
            for label in field.labels:
                if last in slots and prefix:
                    inputs.append((slots.index(last), (prefix, label)))
                elif label in places:
                    slot, role = places[label]
                    inputs.append((slot, (field.name, role)))
                else:
                    inputs.append((None, (field.name, label)))
        return cls(slots, tuple(inputs), tuple(places.get(name, (None, name)) for name in env.action_names))


def _slots_of(env: DialogueEnv) -> list[str]:
    return [slot.name for slot in env.domain.slots if slot.is_observed]


class Expanded(NamedTuple):
    """Weights of hidden units, shape `(heads, inputs, units)`."""

    blocks: torch.Tensor
    """Those of the slots' blocks, one block after another."""
    common: torch.Tensor


class SlotNetworks(nn.Module):
    """Networks with one hidden layer: for each slot a block of units with the same weights, and a common one.

    The block of a slot reads the inputs of this slot, the sum of those of all others, and all inputs without
    a slot, and has biases of its own. The value of an action of a slot is the sum of an output of the slot's
    block and one of the common block; other actions have an output of the common block. So a lesson about
    one slot is one about all, and the domain's size hardly matters.

    Source: Casanueva et al. 2018, Feudal reinforcement learning for dialogue management in large domains.
    """

    slot_role: torch.Tensor
    block_input: torch.Tensor
    common_output: torch.Tensor
    block_output: torch.Tensor
    block_action: torch.Tensor

    def __init__(
        self, layout: SlotLayout, heads: int, width: int, common_width: int, generator: torch.Generator
    ) -> None:
        """Draw the weights.

        Args:
            layout: the layout of the domain.
            heads: number of networks.
            width: units of each slot's block.
            common_width: units of the common block.
            generator: the source of chance.
        """
        super().__init__()
        self.heads, self.width, self.common_width = heads, width, common_width
        self.slots, self.inputs = len(layout.slots), len(layout.inputs)
        roles = _numbered(role for slot, role in layout.inputs if slot is not None)
        others = _numbered(role for slot, role in layout.inputs if slot is None)
        # The columns of the shared weights: this slot's inputs, those of the other slots, and the rest.
        columns = [
            [
                2 * len(roles) + others[role]
                if slot is None
                else roles[role] + (0 if slot == own else len(roles))
                for slot, role in layout.inputs
            ]
            for own in range(self.slots)
        ]
        kinds = _numbered(role for slot, role in layout.actions if slot is not None)
        plain = _numbered(role for slot, role in layout.actions if slot is None)
        self._kinds = len(kinds)
        placed = [
            (number, slot * len(kinds) + kinds[role])
            for number, (slot, role) in enumerate(layout.actions)
            if slot is not None
        ]
        for name, numbers in {
            "slot_role": [len(roles) if slot is None else roles[role] for slot, role in layout.inputs],
            "block_input": [column for block in columns for column in block],
            "common_output": [
                kinds[role] if slot is not None else len(kinds) + plain[role] for slot, role in layout.actions
            ],
            "block_output": [output for _, output in placed],
            "block_action": [number for number, _ in placed],
        }.items():
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.long), persistent=False)

        def draw(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(heads, *shape, generator=generator) * scale)

        # As many inputs are 1 as there are fields; a sum of two parts gets half of the variance from each.
        ones = len({role[0] for _, role in layout.inputs if isinstance(role, tuple)}) + len(roles)
        outputs = len(kinds) + len(plain)
        self.shared = draw(2 * len(roles) + len(others), width, scale=ones**-0.5)
        self.shared_bias = draw(self.slots, width, scale=_BIAS_SCALE)
        self.common = draw(self.inputs, common_width, scale=(2 * ones) ** -0.5)
        self.common_roles = draw(len(roles), common_width, scale=(2 * ones) ** -0.5)
        self.common_bias = draw(common_width, scale=_BIAS_SCALE)
        self.block_weights = draw(width, len(kinds), scale=(2 * width) ** -0.5)
        self.common_weights = draw(common_width, outputs, scale=(2 * common_width) ** -0.5)
        self.kind_bias = nn.Parameter(torch.zeros(heads, outputs))
        self.action_bias = nn.Parameter(torch.zeros(heads, len(layout.actions)))

    def expanded(self) -> Expanded:
        """Return the weights of all units, each slot with its own copy of the shared ones."""
        shape = self.heads, self.slots, self.inputs, self.width
        blocks = self.shared.index_select(1, self.block_input).reshape(shape)
        nothing = self.common_roles.new_zeros(self.heads, 1, self.common_width)
        roles = torch.cat([self.common_roles, nothing], dim=1).index_select(1, self.slot_role)
        return Expanded(blocks.transpose(1, 2).flatten(2), self.common + roles)

    def forward(self, inputs: torch.Tensor, weights: Expanded | None = None) -> torch.Tensor:
        """Return the values of actions: shape `(heads, n, inputs)` to `(heads, n, actions)`.

        Args:
            inputs: one-hot observations.
            weights: the result of `expanded`, if it is known.
        """
        blocks, common = weights or self.expanded()
        hidden = torch.relu(torch.baddbmm(self.common_bias[:, None], inputs, common))
        outputs = torch.baddbmm(self.kind_bias[:, None], hidden, self.common_weights)
        values = outputs.index_select(2, self.common_output) + self.action_bias[:, None]
        if not self.slots:
            return values
        hidden = torch.relu(torch.baddbmm(self.shared_bias.flatten(1)[:, None], inputs, blocks))
        apart = torch.bmm(hidden.reshape(self.heads, -1, self.width), self.block_weights)
        of_slots = apart.reshape(self.heads, inputs.shape[1], self.slots * self._kinds)
        return values.index_add(2, self.block_action, of_slots.index_select(2, self.block_output))

    @torch.no_grad()
    def layers(self) -> list[tuple[Layer, Layer]]:
        """Return each network as the two layers of an ordinary one, float32."""
        weights = torch.cat(self.expanded(), dim=2).transpose(1, 2)
        biases = torch.cat([self.shared_bias.flatten(1), self.common_bias], dim=1)
        units = self.slots * self.width
        last = torch.zeros(self.heads, len(self.common_output), units + self.common_width)
        last[..., units:] = self.common_weights.transpose(1, 2)[:, self.common_output]
        for action, output in zip(self.block_action.tolist(), self.block_output.tolist(), strict=True):
            slot, kind = divmod(output, self._kinds)
            last[:, action, slot * self.width : (slot + 1) * self.width] = self.block_weights[..., kind]
        last_biases = self.kind_bias[:, self.common_output] + self.action_bias
        parts = [part.numpy().copy() for part in (weights, biases, last, last_biases)]
        return [
            ((parts[0][head], parts[1][head]), (parts[2][head], parts[3][head])) for head in range(self.heads)
        ]


def mean_of(networks: list[tuple[Layer, Layer]]) -> list[Layer]:
    """Return one network whose outputs are the means of those of several with one hidden layer."""
    share = np.float32(1 / len(networks))
    first = [layers[0] for layers in networks]
    last = [layers[1] for layers in networks]
    hidden: Layer = (np.concatenate([one for one, _ in first]), np.concatenate([one for _, one in first]))
    biases = share * np.sum([one for _, one in last], axis=0, dtype=np.float32)
    return [hidden, (share * np.concatenate([one for one, _ in last], axis=1), np.asarray(biases))]


def _numbered(roles: Any) -> dict[Hashable, int]:
    """Return a number for each role, in the order of their first use."""
    return {role: number for number, role in enumerate(dict.fromkeys(roles))}

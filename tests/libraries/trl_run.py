"""TRL: two steps of GRPO with a tiny random model whose tool calls are actions, in two domains at once."""

import json
import os
from importlib.metadata import version

os.environ |= {"TRL_EXPERIMENTAL_SILENCE": "1"}

import gymnasium as gym
import torch
from datasets import Dataset
from tiny_model import call, only_calls, tiny_model, tiny_tokenizer
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

import dialogue_gym  # noqa: F401 (registers the ids)
from dialogue_gym.text import TextDialogue, tool_environment

DOMAINS = {"restaurant": "FakeUserRestaurant", "concert": "FakeUserConcert"}
SEEDS = range(4)


def goal(seed):
    env = gym.make("FakeUserRestaurant-v0")
    env.reset(seed=seed)
    return env.unwrapped.goal


set_seed(0)
tools = {domain: TextDialogue(domain, "tools").tools for domain in DOMAINS}
calls = {call(tool["function"]["name"]) for listed in tools.values() for tool in listed}
calls |= {call("action_suggest", **goal(seed)) for seed in SEEDS}
calls |= {
    call("utter_ask_cusine"),
    call("action_suggest", cuisin="french"),
    call("action_suggest", people=[2]),
}
texts = [json.dumps(tools), *(TextDialogue(domain, "tools").instructions for domain in DOMAINS)]
tokenizer = tiny_tokenizer(texts, calls)
model = tiny_model(tokenizer)
before = model.lm_head.weight.detach().clone()
rollouts = []


def note(prompts, completions, seed, environment, environments, **columns):
    """Take down the rollouts; it is worth nothing."""
    for rollout in zip(environment, seed, prompts, completions, environments, strict=True):
        rollouts.append((*rollout[:-1], rollout[-1].get_reward()))
    return [0.0] * len(prompts)


environments = {domain: tool_environment(domain) for domain in DOMAINS}
rows = [
    {
        "environment": domain,
        "seed": seed,
        "prompt": [
            {"role": "system", "content": environments[domain].instructions},
            {"role": "user", "content": ""},
        ],
    }
    for seed in SEEDS
    for domain in DOMAINS
]
trainer = GRPOTrainer(
    model,
    reward_funcs=note,
    args=GRPOConfig(
        output_dir="out", max_steps=2, per_device_train_batch_size=16, num_generations=4, learning_rate=1e-2,
        max_completion_length=4000, max_tool_calling_iterations=12, use_cpu=True, bf16=False,
        report_to="none", save_strategy="no", disable_tqdm=True,
        generation_kwargs=only_calls(tokenizer, calls),
    ),
    train_dataset=Dataset.from_list(rows),
    processing_class=tokenizer,
    environment_factory=environments,
)  # fmt: skip
trainer.train()

assert trainer.state.global_step == 2 and len(rollouts) == 32
assert not torch.equal(before, model.lm_head.weight)
steps, returns, kinds = 0, set(), set()
for domain, seed, prompt, completion, total in rollouts:
    text = gym.make(f"{DOMAINS[domain]}Text-v0", mode="tools")
    observation, info = text.reset(seed=seed)
    assert prompt[0]["content"] == info["instructions"] and prompt[1]["content"] == observation
    env = gym.make(f"{DOMAINS[domain]}-v0")
    env.reset(seed=seed)
    asked = [one["function"] for message in completion for one in message.get("tool_calls") or ()]
    answers = [message for message in completion if message["role"] == "tool"]
    rewards, without, ended = [], [], False
    for function, answer in zip(asked, answers, strict=False):  # the last calls may be beyond the limit
        if "not found" in answer["content"]:
            kinds.add("unknown")
            continue  # TRL answers this itself
        if ended:
            kinds.add("late")
            assert answer["content"] == "(the dialogue is over)"
            continue
        observation, reward, terminated, truncated, info = text.step(json.dumps(function))
        assert answer["content"] == observation
        rewards.append(reward)
        kinds.add("done" if info["action"] else "not understood")
        ended = terminated or truncated
        if not function["arguments"] and info["action"]:
            without.append(function["name"])
    assert total == sum(rewards), (total, rewards, asked, answers)
    steps += len(rewards)
    returns.add(total)
    if len(without) == len(rewards):  # by the names alone it is the same in the other environment
        kinds.add("names")
        names = env.unwrapped.action_names
        assert total == sum(env.step(names.index(name))[1] for name in without)
assert steps > 50 and max(returns) > 0 > min(returns), returns
assert kinds == {"done", "not understood", "unknown", "late", "names"}, kinds
print(version("trl"), f"GRPO: {len(rollouts)} rollouts, {steps} steps, returns {sorted(returns)}")

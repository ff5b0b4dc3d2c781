"""TRL: two steps of GRPO with a tiny random model whose tool calls are actions, in two domains at once."""

import json
import os
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}

import gymnasium as gym
import torch
from datasets import Dataset
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig, GRPOTrainer
from trl.chat_template_utils import qwen3_instruct_2507_chat_template

import dialogue_gym  # noqa: F401 (registers the ids)
from dialogue_gym.text import TextDialogue, tool_environment

DOMAINS = {"restaurant": "FakeUserRestaurant", "concert": "FakeUserConcert"}
SEEDS = range(4)
END = "<|im_end|>"


def call(name, **arguments):
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}) + "\n</tool_call>"


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
words = Tokenizer(models.BPE())
words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
words.train_from_iterator(
    [json.dumps(tools), *(TextDialogue(domain, "tools").instructions for domain in DOMAINS)],
    trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, special_tokens=["<|im_start|>", END]),
)
words.add_tokens([AddedToken(text, normalized=False) for text in sorted(calls)])  # a call is one token
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, pad_token=END)
tokenizer.chat_template = qwen3_instruct_2507_chat_template
own = {tokenizer.convert_tokens_to_ids(text) for text in (END, *calls)}
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=16_384,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )
)  # fmt: skip
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
        generation_kwargs={
            "suppress_tokens": sorted(set(range(len(tokenizer))) - own),
            "sequence_bias": [[[tokenizer.eos_token_id], 2.5]],  # four of five tokens are calls
        },
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

"""TRL: the code of docs/language-models.md runs for two steps, with a tiny random model in place of its."""

import json
import os
from importlib.metadata import version

os.environ |= {"TRL_EXPERIMENTAL_SILENCE": "1"}

from functools import partial

import torch
import trl
from tiny_model import call, only_calls, tiny_model, tiny_tokenizer
from transformers import GenerationConfig, set_seed

from dialogue_gym.text import TextDialogue
from tests.pages import block_with

PAGE = "docs/language-models.md"
MODEL = "Qwen/Qwen3-0.6B"

# A short run, on a machine without a GPU.
trl.GRPOConfig = partial(
    trl.GRPOConfig, max_steps=2, use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True
)
set_seed(0)
text = TextDialogue("restaurant", "tools")
calls = {call(tool["function"]["name"]) for tool in text.tools}
tokenizer = tiny_tokenizer([json.dumps(text.tools), text.instructions], calls)
model = tiny_model(tokenizer)
model.generation_config = GenerationConfig(
    do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    **only_calls(tokenizer, calls),
)  # fmt: skip
before = model.lm_head.weight.detach().clone()
model.save_pretrained("tiny")
tokenizer.save_pretrained("tiny")

names = {}
exec(block_with(PAGE, "RestaurantEnvironment ="), names)
code = block_with(PAGE, "GRPOTrainer(")
assert MODEL in code
exec(code.replace(MODEL, "tiny"), names)
trainer = names["trainer"]
figures = trainer.state.log_history[-1]
assert trainer.state.global_step == 2 and not torch.equal(before, trainer.model.lm_head.weight)
assert figures["tools/call_frequency"] > 1 and not figures["tools/failure_frequency"], figures
assert figures["reward_std"] > 0, figures
print(version("trl"), f"the page's GRPO: mean return {figures['reward']:.2f}")

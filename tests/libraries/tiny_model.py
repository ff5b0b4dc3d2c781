"""A language model of random weights, made on the spot, and its tokenizer with a chat template for tools."""

import json
import os

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl.chat_template_utils import qwen3_instruct_2507_chat_template

START, END = "<|im_start|>", "<|im_end|>"


def call(name, **arguments):
    """Return the text of a call as the template writes it."""
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}) + "\n</tool_call>"


def tiny_tokenizer(texts, calls=()):
    """Return a tokenizer learned from texts; each of the calls is one token."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, special_tokens=[START, END])
    )
    words.add_tokens([AddedToken(text, normalized=False) for text in sorted(calls)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, pad_token=END)
    tokenizer.chat_template = qwen3_instruct_2507_chat_template
    return tokenizer


def tiny_model(tokenizer):
    """Return a model of some ten thousand weights."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=16_384,
            bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


def only_calls(tokenizer, calls):
    """Return the arguments of a generation that consists of calls and ends early."""
    own = {tokenizer.convert_tokens_to_ids(text) for text in (END, *calls)}
    return {
        "suppress_tokens": sorted(set(range(len(tokenizer))) - own),
        "sequence_bias": [[[tokenizer.eos_token_id], 2.5]],
    }

"""datasets: the chats and the pairs of an export are read as they were written, and TRL trains on both."""

import json
import os
from importlib.metadata import version
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

from datasets import load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.chat_template_utils import qwen3_instruct_2507_chat_template

from dialogue_gym import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export_chat import export_chats
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach

START, END = "<|im_start|>", "<|im_end|>"
domain = load_domain("restaurant")
with Store(Path("store")) as store:
    store.use_domain("restaurant", domain_text("restaurant"))
    session = Session(domain, store, settings={}, author="expert", asks_for_closing=False)
    teach(session, SimulatedTeacher(domain, "explicit"), 8, unseen=1)
    chats, pairs = map(str, export_chats(session.history, domain, Path("chats")).files)

loaded = {path: load_dataset("json", data_files=path, split="train") for path in (chats, pairs)}
for path, rows in loaded.items():
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    assert len(lines) == len(rows) > 4
    for line, row in zip(lines, rows, strict=True):
        assert line == row  # with nothing added to make all rows alike

words = Tokenizer(models.BPE())
words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
words.train_from_iterator(
    [Path(chats).read_text()],
    trainers.BpeTrainer(vocab_size=1000, initial_alphabet=alphabet, special_tokens=[START, END]),
)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END, pad_token=END)
tokenizer.chat_template = qwen3_instruct_2507_chat_template
row = loaded[chats][0]
text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
assert '<tool_call>\n{"name": "utter_ask_' in text and '"name": "action_suggest", "description"' in text

set_seed(0)
shape = {
    "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 16_384,
    "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
}  # fmt: skip
common = {
    "output_dir": "out", "max_steps": 2, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False,
    "report_to": "none", "save_strategy": "no", "disable_tqdm": True, "max_length": 8000,
}  # fmt: skip
model, reference = (LlamaForCausalLM(LlamaConfig(**shape)) for _ in range(2))
for trainer_class, config, path, further in (
    (SFTTrainer, SFTConfig, chats, {}),
    (DPOTrainer, DPOConfig, pairs, {"ref_model": reference}),
):
    trainer = trainer_class(
        model, args=config(**common), train_dataset=loaded[path], processing_class=tokenizer, **further
    )
    loss = trainer.train().training_loss
    assert trainer.state.global_step == 2 and loss > 0
    print(trainer_class.__name__, loss)
print(version("datasets"), *(f"{path}: {len(rows)} rows" for path, rows in loaded.items()))

"""datasets: the chats and the pairs of an export are read as they were written, and TRL trains on both."""

import json
from importlib.metadata import version
from pathlib import Path

from datasets import load_dataset
from tiny_model import tiny_model, tiny_tokenizer
from transformers import set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from dialogue_gym import load_domain
from dialogue_gym.domain.loader import domain_text
from dialogue_gym.journal.store import Store
from dialogue_gym.teaching.export_chat import export_chats
from dialogue_gym.teaching.session import Session
from dialogue_gym.teaching.simulated_teacher import SimulatedTeacher, teach

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

tokenizer = tiny_tokenizer([Path(chats).read_text()])
row = loaded[chats][0]
text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
assert '<tool_call>\n{"name": "utter_ask_' in text and '"name": "action_suggest", "description"' in text

set_seed(0)
common = {
    "output_dir": "out", "max_steps": 2, "per_device_train_batch_size": 2, "use_cpu": True, "bf16": False,
    "report_to": "none", "save_strategy": "no", "disable_tqdm": True, "max_length": 8000,
}  # fmt: skip
model, reference = (tiny_model(tokenizer) for _ in range(2))
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

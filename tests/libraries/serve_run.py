"""`transformers serve`: a tiny model that calls random actions talks over the chat-completions protocol."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

from tiny_model import call, only_calls, tiny_model, tiny_tokenizer
from transformers import GenerationConfig, set_seed
from trl.chat_template_utils import add_response_schema

from dialogue_gym.text import ChatAgent, ChatEndpoint, TextDialogue
from dialogue_gym.training import evaluate_text

set_seed(0)
text = TextDialogue("concert", "tools")
calls = {call(tool["function"]["name"]) for tool in text.tools}
calls |= {call("utter_gret"), call("utter_greet", x="y")}
tokenizer = add_response_schema(tiny_tokenizer([json.dumps(text.tools), text.instructions], calls))
model = tiny_model(tokenizer)
model.generation_config = GenerationConfig(
    do_sample=True, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    **only_calls(tokenizer, calls),
)  # fmt: skip
folder = Path("tiny").absolute()
model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
command = [Path(sys.executable).with_name("transformers"), "serve", folder, "--port", str(port), "--host"]
server = subprocess.Popen([*command, "127.0.0.1", "--device", "cpu", "--default-seed", "0"])
try:
    until = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < until
            time.sleep(0.2)
    endpoint = ChatEndpoint(
        str(folder), f"http://127.0.0.1:{port}/v1", request={"max_tokens": 20, "temperature": 1.0}
    )
    result = evaluate_text(text, ChatAgent(endpoint), 4)
finally:
    server.terminate()
    server.wait(30)
prompt = tokenizer.apply_chat_template(
    [{"role": "system", "content": text.instructions}, {"role": "user", "content": text.reset(seed=0)}],
    tools=text.tools, add_generation_prompt=True,
)  # fmt: skip
assert result.fault is None and result.figures.dialogues == 4 and not result.is_estimated
assert 0 < result.not_understood < result.calls  # an empty answer, or a wrong call; and an action
assert (
    result.tokens_read > 0.8 * len(prompt["input_ids"]) * result.calls
    and result.tokens_written > result.calls
)
print(version("transformers"), *result.lines())

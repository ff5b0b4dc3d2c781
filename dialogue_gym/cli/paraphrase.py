"""`dialogue-gym paraphrase`: more sentences for the fake user of a domain, from a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_gym._files import write_text
from dialogue_gym._text import counted, printable, quoted
from dialogue_gym.cli.endpoint import (
    AnswerTimeOption,
    BaseUrlOption,
    RequestOption,
    TokenLimitOption,
    chat_endpoint,
)
from dialogue_gym.cli.options import (
    DomainName,
    SeedOption,
    note,
)
from dialogue_gym.domain import load_domain
from dialogue_gym.factory import own_examples, read_given
from dialogue_gym.nlu.examples import Example
from dialogue_gym.text import paraphrases
from dialogue_gym.text.chat_endpoint import EndpointError


def paraphrase(
    source: DomainName,
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="The name of the language model.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The file to write: the examples known, and the new ones.")
    ],
    nlu: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="The NLU examples known; default: those of the domain."),
    ] = None,
    sentences: Annotated[int, typer.Option(min=1, max=50, help="Sentences that are asked for at once.")] = 10,
    each: Annotated[
        int,
        typer.Option(
            min=1, max=100, help="Examples that are said differently, of each intent with the same entities."
        ),
    ] = 3,
    base_url: BaseUrlOption = None,
    timeout: AnswerTimeOption = None,
    token_limit: TokenLimitOption = None,
    request: RequestOption = None,
    seed: SeedOption = 0,
) -> None:
    """Collect more sentences for users; each is kept if it is understood as the act that it stands for."""
    from dialogue_gym.nlu.trained import TrainedInterpreter

    if not model.strip():
        raise ValueError("--model: the name of a model is missing")
    domain = load_domain(source)
    data = read_given(nlu or map(str, own_examples(source)))
    if not data.examples:
        raise ValueError(f"{source}: the domain has no NLU examples; give some with --nlu")
    _check_new(out)
    endpoint = chat_endpoint(model, base_url, timeout, token_limit, request or [])
    about = domain.description or f"It is called {domain.name}."

    def ask(example: Example) -> str:
        content = endpoint.complete(paraphrases.messages(example, sentences, about)).get("content")
        return content if isinstance(content, str) else ""

    chosen = paraphrases.sources(data.examples, each, seed)
    found, fault = paraphrases.Paraphrases(), ""
    try:
        for number, found in enumerate(
            paraphrases.paraphrase(data, TrainedInterpreter(domain, data), ask, chosen), 1
        ):
            if number % 10 == 0 or number == len(chosen):
                kept = counted(len(found.kept), "sentence")
                note(f"{number} of {counted(len(chosen), 'request')}, {kept} kept")
    except EndpointError as error:
        fault = str(error)
    except KeyboardInterrupt:  # what was paid for is kept
        fault = "interrupted"
    if found.kept:
        from dialogue_gym.nlu import dump_examples

        write_text(out, dump_examples(found.added_to(data)))
    usage = endpoint.usage
    print(
        f"{counted(len(found.kept), 'new sentence')}, {counted(found.refused.total(), 'refused one')};"
        f" {counted(usage.calls, 'call')}, {counted(usage.tokens, 'token')}, {usage.seconds:.0f} s"
    )
    for reason, count in found.refused.most_common():
        print(f"  {count} {reason}")
    if found.kept:
        print(printable(f"{out}: for --nlu, and for the fake user of dialogue_gym.wrappers.SpokenUser"))
    else:
        print("no file is written, since there is nothing new")
    if fault:
        raise EndpointError(f"this is what {counted(usage.calls, 'answer')} gave: {fault}")


def _check_new(out: Path) -> None:
    """Refuse a file that cannot be the result, before anything is paid for."""
    faults = {
        "the file is YAML, so its name ends with .yml": out.suffix not in (".yml", ".yaml"),
        "the folder does not exist": not out.parent.is_dir(),
        "this file exists already; give another name": out.exists(),
    }
    for fault in (fault for fault, is_there in faults.items() if is_there):
        raise ValueError(f"--out {quoted(str(out))}: {fault}")

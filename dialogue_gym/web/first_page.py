"""The first page of a server without a domain: the questions about a new bot, one at a time. Plain HTML."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dialogue_gym._files import create_text
from dialogue_gym._text import name_fault
from dialogue_gym.outline.file import domain_file
from dialogue_gym.outline.interview import LINES, PICK, STEPS, Interview, Question
from dialogue_gym.outline.model import Outline, OutlineError
from dialogue_gym.outline.names import identifier
from dialogue_gym.outline.summary import summary

PATH = "/new"
"""The path of the page."""
_STATIC = Path(__file__).parent / "static"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main class="interview"><h1>{title}</h1>{parts}</main></body></html>"""

_MADE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your bot is made</title>
<meta http-equiv="refresh" content="1; url={goes_on}"></head>
<body><p role="status">Your bot is made. <a href="{goes_on}">Teach it</a>.</p></body></html>"""


class FirstPage:
    """The interview of one server, and the page that shows it."""

    def __init__(self, folder: Path, finish: Callable[[], None]) -> None:
        """Write the file into a folder; `finish` is called when teaching should begin."""
        self.path: Path | None = None
        self._folder = folder
        self._finish = finish
        self._interview = Interview()

    def app(self, goes_on: str) -> Starlette:
        """Return the application; after the file is written it sends the browser to the path `goes_on`."""

        def page() -> Response:
            if self.path is None:
                return HTMLResponse(self._page())
            # Another application takes over in a moment; until then this page comes again.
            return HTMLResponse(_MADE.format(goes_on=goes_on), headers={"connection": "close"})

        async def show(request: Request) -> Response:
            return page()

        async def take(request: Request) -> Response:
            given = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
            form = {key: values[0].replace("\r\n", "\n") for key, values in given.items()}
            try:
                self._take(form)
            except OutlineError as error:
                return HTMLResponse(self._page(str(error), form.get("answer", "")), 400)
            if self.path is None:
                return RedirectResponse(f"{PATH}/", status_code=303)
            made = page()
            made.background = BackgroundTask(self._finish)
            return made

        async def home(request: Request) -> Response:
            return page() if self.path else RedirectResponse(f"{PATH}/", status_code=303)

        return Starlette(
            routes=[
                Route(f"{PATH}/", show, methods=["GET"]),
                Route(f"{PATH}/", take, methods=["POST"]),
                Route("/{path:path}", home, methods=["GET"]),
            ]
        )

    def _take(self, form: dict[str, str]) -> None:
        """Take an answer, take one back, or write the file.

        Raises:
            OutlineError: the answer or the name of the file cannot be used.
        """
        # A page that was sent twice, or is shown in two windows, must not answer the next question.
        if self.path or form.get("place") != str(len(self._interview.answers)):
            return
        if form.get("do") == "back":
            self._interview = self._interview.back()
        elif self._interview.question is not None:
            self._interview = self._interview.answered(form.get("answer", ""))
        else:
            self.path = self._written(form.get("answer", ""))

    def _written(self, given: str) -> Path:
        name = given.strip().removesuffix(".yml")
        if name_fault(name) or name != Path(name).name or name.startswith("."):
            raise OutlineError("write a name such as pizza.yml, without a folder")
        path = self._folder / f"{name}.yml"
        try:
            create_text(path, domain_file(self._interview.outline))
        except FileExistsError:
            raise OutlineError(f"{path.name} exists already; choose another name") from None
        except OSError as error:
            raise OutlineError(f"{path.name} cannot be written: {error.strerror}") from None
        return path

    def _page(self, error: str = "", given: str | None = None) -> str:
        question = self._interview.question
        if question is None:
            first = self._interview.outline.purpose or "bot"
            proposed = f"{identifier(' '.join(first.split()[-2:]), 'bot')}.yml"
            question = Question(len(STEPS) - 1, "The name of the bot's file:", "pizza.yml", default=proposed)
        value = given if given is not None else self._interview.withdrawn or question.default or ""
        parts = [
            _form(question, len(self._interview.answers), error, value),
            _so_far(self._interview.outline),
        ]
        if question.step == len(STEPS) - 1:
            parts.reverse()  # the last question is about the bot
        return _PAGE.format(
            title=html.escape(f"{STEPS[question.step]} ({question.step + 1} of {len(STEPS)})"),
            style="".join((_STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "new.css")),
            parts="".join(parts),
        )


def _form(question: Question, place: int, error: str, value: str) -> str:
    text, shown = html.escape(question.text), html.escape(value)
    described = 'id="answer" name="answer" dir="auto" aria-describedby="hint problem"'
    if question.kind == PICK:
        choices = "".join(
            f'<label><input type="radio" name="answer" value="{number}"{" checked" if number == 1 else ""}'
            f"{' autofocus' if number == 1 else ''}>{html.escape(choice)}</label>"
            for number, choice in enumerate(question.choices, 1)
        )
        field = f'<fieldset aria-describedby="problem"><legend>{text}</legend>{choices}</fieldset>'
    elif question.kind == LINES:
        field = (
            f'<label for="answer">{text}</label><textarea {described} rows="5" autofocus>\n{shown}</textarea>'
        )
    else:
        field = f'<label for="answer">{text}</label><input {described} value="{shown}" autofocus>'
    hints = ["One in each line."] if question.kind == LINES else []
    hints += [f"For example:\n{question.example}"] if question.example else []
    hints += [f"Leave it empty for: {question.skip}."] if question.skip else []
    hint = html.escape("\n".join(hints))
    back = '<button name="do" value="back" formnovalidate>Back</button>' if place else ""
    hidden = "" if error else " hidden"
    return f"""<form method="post" action="{PATH}/">
<input type="hidden" name="place" value="{place}">
<p class="note is-bad" id="problem" role="alert"{hidden}>{html.escape(error)}</p>
{field}
<p class="example" id="hint">{hint}</p>
<div class="row"><button class="primary large" name="do" value="next">Next</button>{back}</div>
</form>"""


def _so_far(outline: Outline) -> str:
    """Return the parts of the bot so far, each with a sentence of it."""
    parts = []
    for title, lines in summary(outline):
        shown = "".join(
            f'<div><dt>{_breaking(name)}</dt><dd dir="auto">{html.escape(about)}</dd></div>'
            for name, about in lines
        )
        parts.append(f"<h3>{title}</h3><dl>{shown}</dl>")
    return f'<section class="so-far"><h2>Your bot so far</h2>{"".join(parts)}</section>' if parts else ""


def _breaking(name: str) -> str:
    """Return the HTML of a name that breaks after an underscore where the line ends."""
    return html.escape(name).replace("_", "_<wbr>")

"""The page at the door: plain HTML, since nobody has come in yet."""

from __future__ import annotations

import html
from importlib.resources import files

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Teach</title><style>{style}</style></head>
<body><main class="door"><h1>Teach</h1>
<form method="post">
<p class="note is-bad" role="alert"{hidden}>{line}</p>
<label>Your name, which your answers carry
<input name="name" value="{name}" maxlength="40" dir="auto" autocomplete="username" autofocus></label>
{password}
<button class="primary large">Come in</button>
</form></main></body></html>"""
_PASSWORD = """<label>The password
<input name="password" type="password" required autocomplete="current-password"></label>"""


def enter_form(needs_password: bool, name: str = "", line: str = "") -> str:
    """Return the form in which a teacher says who they are, with a line on what was wrong."""
    return _PAGE.format(
        style=files("dialogue_gym.web").joinpath("static/style.css").read_text(encoding="utf-8"),
        hidden="" if line else " hidden",
        line=html.escape(line),
        name=html.escape(name),
        password=_PASSWORD if needs_password else "",
    )

"""A Sphinx extension: the markup of pages is fit for keyboards and screen readers (WCAG 2.2, A and AA)."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx


def repair(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Repair the markup of a page.

    Blocks of code and tables scroll in a narrow window, so the keyboard has to reach them. The arguments of a
    long signature come as a list of definitions without terms, and captions of the navigation without levels.
    """
    body = str(context.get("body", ""))
    body = body.replace("<pre>", '<pre tabindex="0">').replace(
        '<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'
    )
    body = re.sub(r"(?<=<h[1-4]>)[^<]+", _breakable, body)
    context["body"] = re.sub(r"<dl>\n(.*?)</dl>", _lines, body, flags=re.DOTALL)
    navigation = str(context.get("furo_navigation_tree", ""))
    context["furo_navigation_tree"] = navigation.replace('role="heading"', 'role="heading" aria-level="2"')


def _breakable(heading: re.Match[str]) -> str:
    """Let the long names in a heading break between their parts, and nowhere else."""
    return re.sub(
        r"\S{14,}", lambda name: re.sub(r"(?<=[._])(?=\w)|(?<=[a-z])(?=[A-Z])", "<wbr>", name[0]), heading[0]
    )


def _lines(arguments: re.Match[str]) -> str:
    lines = arguments[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f'<span class="sig-lines">{lines}</span>'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension; the theme makes its navigation on the same event, before."""
    app.connect("html-page-context", repair, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

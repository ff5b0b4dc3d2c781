"""The documentation site: `python -m docs.site.build` puts its pages together, and gives them to Sphinx."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

import yaml
from sphinx.cmd.build import build_main

from docs.site.environment_pages import environment_pages
from docs.site.reference import reference_pages

HERE = Path(__file__).resolve().parent
DOCS, ROOT = HERE.parent, HERE.parents[1]
NAVIGATION = HERE / "navigation.yml"
ROOT_PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages of the root that the site has too."""


def assemble(source: Path) -> None:
    """Put all pages together in a folder: those of docs/, and those of environments and packages."""
    ignored = shutil.ignore_patterns("site", "*.py", "*.jsonl", "__pycache__")
    shutil.copytree(DOCS, source, ignore=ignored, dirs_exist_ok=True)
    for name, copy in ROOT_PAGES.items():
        shutil.copy(ROOT / name, source / copy)
    made = {
        **{f"environments/{name}": page for name, page in environment_pages().items()},
        **{f"reference/{name}": page for name, page in reference_pages().items()},
    }
    for name, page in made.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / f"{name}.md").write_text(page, encoding="utf-8")
    add_navigation(source, made)
    for path in sorted(source.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        text = with_files(text, path.relative_to(source), source)
        path.write_text(with_titles(text, path, source), encoding="utf-8")


def add_navigation(source: Path, made: dict[str, str]) -> None:
    """Append the navigation to the first page, and the lists of made pages to those that introduce them."""
    for caption, entries in navigation().items():
        for page, own_title in entries.items():
            if own_title:
                path = source / f"{page}.md"
                path.write_text(f"# {own_title}\n\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
        append(source / "index.md", toctree([*entries], f":hidden:\n:caption: {caption}"))
    for page, heading in (("environments", "## A page for each"), ("reference", "## Packages")):
        pages = {name: text for name, text in made.items() if name.startswith(f"{page}/")}
        rows = [f"| [{title(text)}]({name}.md) | {summary(text)} |" for name, text in pages.items()]
        listed = "\n".join(["| page | |", "|---|---|", *rows])
        append(source / f"{page}.md", heading, listed, toctree([*pages], ":hidden:"))


def navigation() -> dict[str, dict[str, str]]:
    """Return the pages of the navigation by caption, each with the title that it lacks itself, or none."""
    groups = yaml.safe_load(NAVIGATION.read_text(encoding="utf-8"))
    return {
        caption: {
            page: title
            for entry in entries
            for page, title in (entry.items() if isinstance(entry, dict) else [(entry, "")])
        }
        for caption, entries in groups.items()
    }


def title(page: str) -> str:
    """Return the heading of a page."""
    return page.partition("\n")[0].removeprefix("# ")


def summary(page: str) -> str:
    """Return the first paragraph of a page, on one line."""
    first = next(part for part in page.split("\n\n") if part[0] not in "#`")
    return " ".join(first.split())


def toctree(pages: list[str], options: str) -> str:
    """Return a list of pages for Sphinx."""
    return "\n".join(["```{toctree}", options, "", *pages, "```"])


def append(path: Path, *parts: str) -> None:
    """Append paragraphs to a page."""
    path.write_text("\n\n".join([path.read_text(encoding="utf-8"), *parts]) + "\n", encoding="utf-8")


def with_files(text: str, page: Path, source: Path) -> str:
    """Return a page whose links to files outside of docs/ lead to copies of them; folders are not linked."""
    up = "../" * len(page.parts)
    here = up.removesuffix("../")

    def copied(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        if target in ROOT_PAGES:
            return f"[{label}]({here}{ROOT_PAGES[target]})"
        original = ROOT / target
        if original.is_dir():
            return label
        copy = source / "files" / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(original, copy)
        return f"[{label}]({here}files/{target})"

    return re.sub(rf"\[([^\]]*)\]\({re.escape(up)}((?!\.\./)[^)#]+)\)", copied, text)


def with_titles(text: str, path: Path, source: Path) -> str:
    """Return a page whose links to others read as titles or headings, where they read as names of files.

    On GitHub such a page is a file. The changelog names files without linking them.
    """

    def titled(match: re.Match[str]) -> str:
        target = (path.parent / match[1]).resolve()
        if not target.is_file():
            return match[0]
        return f"[{heading(target.read_text(encoding='utf-8'), match[2] or '')}]({match[1]}{match[2] or ''})"

    if path.name in ROOT_PAGES.values():
        text = re.sub(r"(?<!\]\()(?<![\w/`\[])docs/([\w/-]+\.md)", r"[\1](\1)", text)
    return re.sub(r"\[[\w./-]+\.md\]\((?!https?:)([\w./-]+\.md)(#[^)\s]*)?\)", titled, text)


def heading(page: str, anchor: str) -> str:
    """Return the heading of a page with an anchor, such as `#on-the-internet`, or its title."""
    for line in re.findall(r"^#+ (.*)$", page, re.MULTILINE) if anchor else ():
        if "#" + re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") == anchor:
            return str(line)
    return title(page)


def build(out: Path) -> int:
    """Build the site in a folder; return Sphinx's status, which is not 0 after a warning."""
    source = out / "source"
    shutil.rmtree(source, ignore_errors=True)
    assemble(source)
    return build_main(
        ["-q", "-W", "--keep-going", "-b", "html", "-c", str(HERE), str(source), str(out / "html")]
    )


def main() -> None:
    """Build the site, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m docs.site.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out/site", help="folder of the site")
    out = parser.parse_args().out
    if status := build(out):
        sys.exit(status)
    print(f"The site: {out / 'html/index.html'}")


if __name__ == "__main__":
    main()

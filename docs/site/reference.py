"""Pages of the public packages, from the source alone: nothing is imported, and no extra has to be installed.

Docstrings are Markdown with Google's sections. The pages are MyST, whose directives tell Sphinx of each name:
it is found in the index, by the search and by links.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import griffe
from griffe import DocstringSectionKind as Section
from griffe import ParameterKind

ROOT = Path(__file__).resolve().parents[2]
DEEPEST = 4
"""The fence of a directive is longer than those of the directives in it."""
_FIELDS = {
    Section.parameters: "param",
    Section.other_parameters: "param",
    Section.raises: "raises",
}


def reference_pages() -> dict[str, str]:
    """Return the page of each public package as Markdown, by the package's dotted name."""
    library = griffe.load(
        "dialogue_gym", search_paths=[ROOT], docstring_parser="google", allow_inspection=False
    )
    assert isinstance(library, griffe.Module)
    packages = list(public_packages(library))
    public = {
        found.path: f"{package.path}.{name}"
        for package in packages
        for name in names(package)
        if (found := definition(package, name))
    }
    return {package.path: PackagePage(package, public).text() for package in packages}


def public_packages(package: griffe.Module) -> Iterator[griffe.Module]:
    """Yield a package and those in it, if they have an `__all__`."""
    if package.exports:
        yield package
    for module in sorted(package.modules.values(), key=lambda module: module.name):
        if module.is_init_module and not module.is_alias:
            yield from public_packages(module)


def names(package: griffe.Module) -> list[str]:
    """Return the `__all__` of a package."""
    return sorted(str(name) for name in package.exports or ())


def definition(package: griffe.Module, name: str) -> griffe.Object | None:
    """Return the definition of a public name; None for a constant that is one of several on a line."""
    member = package[name]
    try:
        found = member.final_target if isinstance(member, griffe.Alias) else member
    except griffe.AliasResolutionError:
        return None
    # A function that is called as its module hides behind it.
    return found[name] if isinstance(found, griffe.Module) and name in found.members else found


class PackagePage:
    """The page of a package. `public` has the library's public names by the paths where they are defined."""

    def __init__(self, package: griffe.Module, public: dict[str, str]) -> None:
        """Keep the package."""
        self.package = package
        self.public = public

    def text(self) -> str:
        """Return the page as MyST."""
        path = self.package.path
        parts = [f"# {path}", f"```{{py:module}} {path}\n```", self.docstring(self.package)]
        rows = [f"| {{py:obj}}`~{path}.{name}` | {self.summary(name)} |" for name in names(self.package)]
        parts.append("\n".join(["| name | |", "|---|---|", *rows]))
        parts += [self.public_name(name) for name in names(self.package)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def summary(self, name: str) -> str:
        """Return the first line of a name's docstring, fit for a table."""
        found = definition(self.package, name)
        first = found.docstring.value.partition("\n\n")[0] if found and found.docstring else ""
        return one_line(first).replace("|", "\\|")

    def public_name(self, name: str) -> str:
        """Return the entry of a public name. One that another package has, too, is described there alone."""
        found = definition(self.package, name)
        if found is None:
            value = getattr(importlib.import_module(self.package.path), name)
            return directive("data", name, [f":value: {value!r}"])
        home = self.public[found.path]
        if home != f"{self.package.path}.{name}":
            return directive("data", name, [f"{self.summary(name)} See {{py:obj}}`{home}`."])
        return self.entry(found, name)

    def entry(self, found: griffe.Object, name: str, depth: int = DEEPEST) -> str:
        """Return the entry of a definition, with those of its public members."""
        if isinstance(found, griffe.Class):
            has_fields = "dataclass" in found.labels or "__init__" in found.members
            call = self.signature(found.parameters, is_bound=True) if has_fields else ""
            members = [self.entry(member, member.name, depth - 1) for member in public_members(found)]
            return directive(
                "class", name + call, [self.bases(found), self.docstring(found), *members], depth
            )
        is_member = isinstance(found.parent, griffe.Class)
        if isinstance(found, griffe.Function):
            labels = [label for label in ("async", "classmethod", "staticmethod") if label in found.labels]
            call = self.signature(found.parameters, is_bound=is_member and "staticmethod" not in labels)
            returns = f" -> {self.typed(found.returns)}" if found.returns is not None else ""
            options = "\n".join(f":{label}:" for label in labels)
            kind = "method" if is_member else "function"
            return directive(kind, name + call + returns, [options, self.docstring(found)], depth)
        assert isinstance(found, griffe.Attribute), (found, found.kind)
        options = f":type: {self.typed(found.annotation)}" if found.annotation is not None else ""
        if not is_member and found.value is not None:
            options = f"{options}\n:value: {shortened(str(found.value))}".strip()
        kind = "property" if "property" in found.labels else "attribute" if is_member else "data"
        return directive(kind, name, [options, self.docstring(found)], depth)

    def bases(self, found: griffe.Class) -> str:
        """Return the line with the bases of a class."""
        bases = ", ".join(f"{{py:obj}}`{self.typed(base)}`" for base in found.bases)
        return f"Bases: {bases}" if bases else ""

    def signature(self, parameters: griffe.Parameters, is_bound: bool) -> str:
        """Return the arguments of a call, without the instance or class of one that is bound."""
        shown: list[str] = []
        has_star = False
        for index, parameter in enumerate(parameters):
            if is_bound and index == 0 and parameter.name in ("self", "cls"):
                continue
            if parameter.kind is ParameterKind.keyword_only and not has_star:
                shown.append("*")
            has_star = has_star or parameter.kind in (
                ParameterKind.keyword_only,
                ParameterKind.var_positional,
            )
            mark = {ParameterKind.var_positional: "*", ParameterKind.var_keyword: "**"}.get(
                parameter.kind, ""
            )
            text = mark + parameter.name
            if parameter.annotation is not None:
                text += f": {self.typed(parameter.annotation)}"
            if parameter.default is not None and not mark:
                text += f" = {shortened(str(parameter.default))}"
            shown.append(text)
        return f"({', '.join(shown)})"

    def typed(self, annotation: str | griffe.Expr) -> str:
        """Return a type on one line, the library's names in it as they are public: Sphinx links these."""
        parts = [annotation] if isinstance(annotation, str) else annotation.iterate(flat=True)
        return one_line("".join(self.linked(part) for part in parts))

    def linked(self, part: str | griffe.Expr) -> str:
        """Return the public name of a part of a type, or the part as it is."""
        return self.public.get(part.canonical_path, str(part)) if isinstance(part, griffe.Expr) else part

    def docstring(self, found: griffe.Object) -> str:
        """Return a docstring as MyST: its sections are lists of fields, since directives have no headings."""
        parts = []
        for section in found.docstring.parsed if found.docstring else ():
            if section.kind is Section.text:
                parts.append(re.sub(r"^#+ (.*)$", r"**\1**", section.value, flags=re.MULTILINE))
            elif section.kind in _FIELDS:
                parts.append("\n".join(self.field(_FIELDS[section.kind], item) for item in section.value))
            elif section.kind is Section.attributes:
                rows = (f"- `{item.name}`: {indented(item.description)}" for item in section.value)
                parts.append("\n".join(["**Attributes**\n", *rows]))
            elif section.kind in (Section.returns, Section.yields):
                parts.append(f":{section.kind.value}: {indented(section.value[0].description)}")
            elif section.kind is Section.examples:
                parts += [
                    value if kind is Section.text else f"```pycon\n{value}\n```"
                    for kind, value in section.value
                ]
            elif section.kind is Section.admonition:
                parts.append(f"**{section.title}:** {section.value.description}")
            else:
                raise ValueError(f"{found.path}: no page shows a section of this kind: {section.kind.value}")
        return "\n\n".join(parts)

    def field(self, group: str, item: griffe.DocstringElement) -> str:
        """Return one field: an argument, an attribute or an error."""
        if isinstance(item, griffe.DocstringNamedElement):
            name = item.name
        else:
            name = self.typed(item.annotation or "")
            name = f"~{name}" if "." in name else name  # Sphinx shows the sign at names without a module
        return f":{group} {name}: {indented(item.description)}"


def public_members(found: griffe.Class) -> list[griffe.Object]:
    """Return the public members of a class that have docstrings, those of the library's bases too."""
    members: dict[str, griffe.Object] = {}
    bases = [base for base in found.mro() if base.path.startswith("dialogue_gym.")]
    for owner in (*reversed(bases), found):
        for name, member in owner.members.items():
            if not name.startswith("_") and isinstance(member, griffe.Object) and member.docstring:
                members[name] = member
    return list(members.values())


def directive(kind: str, argument: str, body: list[str], depth: int = DEEPEST) -> str:
    """Return a directive of Python's domain."""
    fence = "`" * (3 + depth)
    return "\n".join([f"{fence}{{py:{kind}}} {argument}", "\n\n".join(filter(None, body)), fence])


def indented(text: str) -> str:
    """Return a text whose further lines belong to its field."""
    return text.strip().replace("\n", "\n  ")


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def shortened(text: str, width: int = 100) -> str:
    """Return a value on one line, or dots for a long one."""
    line = one_line(text)
    return line if len(line) <= width else "..."

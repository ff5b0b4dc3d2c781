"""The structure of the library: the direction of imports, public names, sizes of files, and names."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import yaml

from tests import ROOT

LAYERS = [
    "version", "_lazy", "_digest", "_text", "_threads", "_files", "_yaml_faults", "_yaml", "_yaml_errors",
    "_intervals", "_markdown", "_http", "utils", "domain", "domains", "rules", "compiled", "conversation",
    "envs", "vector", "actions", "stories", "reports", "nlu",
    "journal", "policies", "off_policy", "raters", "datasets", "wrappers", "text", "sb3", "chat", "check",
    "terminal", "factory", "outline", "ontologies", "teaching", "training", "bounds", "exact", "play",
    "live", "fitting", "testing", "hub", "web", "cli", "__main__",
]  # fmt: skip
"""Packages and root modules. Each imports only from itself and from those before it."""

SMALL = 60
RELATIVES = ("What", "Who", "Whom", "Where", "How", "Whose")

Import = tuple[str, str]
"""The module that an import names, and the name taken from it ("" for the module itself)."""


@cache
def library() -> dict[str, Path]:
    """Return the library's modules by dotted name; a package is its `__init__`."""
    modules = {}
    for path in sorted((ROOT / "dialogue_gym").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(library()[module].read_text(encoding="utf-8"))


def is_package(module: str) -> bool:
    return library()[module].name == "__init__.py"


def layer(module: str) -> str:
    """Return the package in the root, or the root module, that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def library_imports(parsed: ast.AST) -> Iterator[Import]:
    """Yield every import of the library in a syntax tree, wherever it stands."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names if is_ours(node.module or "") else ():
                name = f"{node.module}.{alias.name}"
                yield (name, "") if name in library() else (str(node.module), alias.name)


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "dialogue_gym"


@cache
def arrows() -> dict[str, frozenset[str]]:
    """Return the modules that each module imports, in functions and for types too."""
    return {
        module: frozenset(name for name, _ in library_imports(tree(module))) - {module}
        for module in library()
    }


@cache
def classes() -> tuple[tuple[str, ast.ClassDef], ...]:
    return tuple(
        (module, node)
        for module in library()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef)
    )


@cache
def exports(package: str) -> frozenset[str]:
    """Return the `__all__` of a package's `__init__`."""
    for node in tree(package).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def circles() -> list[list[str]]:
    """Return the groups of modules that import each other, directly or not."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            following = arrows()[waiting.pop()] - seen
            seen |= following
            waiting += following
        return seen

    reached = {module: reach(module) for module in arrows()}
    groups = {
        frozenset(other for other in reached if other in reached[module] and module in reached[other])
        for module in reached
    }
    return sorted(sorted(group) for group in groups if group)


def test_imports_follow_the_order_of_the_packages() -> None:
    wrong = {
        f"{module} -> {imported}"
        for module, targets in arrows().items()
        if module != "dialogue_gym"  # the root exports names of all packages
        for imported in targets
        if imported == "dialogue_gym" or LAYERS.index(layer(imported)) > LAYERS.index(layer(module))
    }
    assert not sorted(wrong)


def test_every_package_has_its_place_in_the_order() -> None:
    assert {layer(module) for module in library()} - {""} == set(LAYERS)


def test_every_package_stands_on_the_page_of_the_design() -> None:
    rows = re.findall(r"^\| \w+ \| (`.*) \|$", (ROOT / "docs/design.md").read_text("utf-8"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    packages = [layer(module) for module in library() if is_package(module) and module.count(".") == 1]
    assert {*named} ^ {*packages} == set() and len(named) == len(packages)


def test_the_navigation_of_the_site_has_every_page() -> None:
    """A page of docs/ that is not in docs/site/navigation.yml cannot be found on the site."""
    groups = yaml.safe_load((ROOT / "docs/site/navigation.yml").read_text(encoding="utf-8"))
    entries = [entry for group in groups.values() for entry in group]
    listed = [page for entry in entries for page in (entry if isinstance(entry, dict) else [entry])]
    pages = {str(path.relative_to(ROOT / "docs").with_suffix("")) for path in ROOT.glob("docs/**/*.md")}
    pages = {*pages, "changelog", "contributing"} - {"index"}
    assert {*listed} ^ pages == set() and len(listed) == len(pages)


def test_no_modules_import_each_other() -> None:
    wrong = {" <-> ".join(circle) for circle in circles()}
    assert not sorted(wrong)


def test_each_class_has_a_name_of_its_own() -> None:
    modules = defaultdict(list)
    for module, node in classes():
        modules[node.name].append(module)
    wrong = {f"{name}: {', '.join(found)}" for name, found in modules.items() if len(found) > 1}
    assert not sorted(wrong)


def python_of(path: Path) -> Iterator[str]:
    """Yield the Python code of a file: a module, the blocks of a page, or the cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield text
    elif path.suffix == ".md":
        yield from re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    else:
        for cell in json.loads(text)["cells"]:
            if cell["cell_type"] == "code":  # commands of the shell and of the notebook are not Python
                yield re.sub(r"^(\s*)[!%].*", r"\1pass", "".join(cell["source"]), flags=re.MULTILINE)


USERS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "docs/**/*.py", "notebooks/*.ipynb", "agents/**/*.py")
    for path in ROOT.glob(pattern)
)


def test_users_import_public_names_from_packages() -> None:
    wrong = set()
    for path in USERS:
        for code in python_of(path):
            for module, name in library_imports(ast.parse(code)):
                if not is_package(module) or (name and name not in exports(module)):
                    wrong.add(f"{path.relative_to(ROOT)}: {module}{name and f' import {name}'}")
    assert not sorted(wrong)


def test_every_exported_name_exists() -> None:
    """Names that load lazily too; one whose extra is not installed says so when it is used."""
    for module in filter(is_package, library()):
        package = __import__(module, fromlist=["_"])
        missing = set()
        for name in exports(module):
            try:
                getattr(package, name)
            except AttributeError:
                missing.add(name)
            except ImportError as error:
                assert not is_ours(str(error.name)), error
        assert not missing, (module, missing)


COMMAND_PACKAGES = {"cli", "live", "training", "web"}
"""The packages of the commands, which make paths of what people type."""


def test_public_functions_take_paths_as_texts() -> None:
    wrong = set()
    for module in filter(is_package, library()):
        if layer(module) in COMMAND_PACKAGES:
            continue
        package = importlib.import_module(module)
        for name in exports(module):
            public = getattr(package, name)
            if is_dataclass(public):
                continue
            members = vars(public).values() if isinstance(public, type) else [public]
            for function in filter(inspect.isfunction, (getattr(one, "__func__", one) for one in members)):
                kinds = [str(kind) for one, kind in function.__annotations__.items() if one != "return"]
                wrong |= {
                    f"{module}.{name}" for kind in kinds if re.match(r"(Path|StorePlace)\b(?!.*str)", kind)
                }
    assert not sorted(wrong)


def test_names_that_load_lazily_are_not_those_of_modules() -> None:
    """The import of a submodule sets an attribute of its package, which `__getattr__` cannot take back."""
    for package in filter(is_package, library()):
        if "dialogue_gym._lazy" in arrows()[package]:
            shadowed = {name for name in exports(package) if f"{package}.{name}" in library()}
            assert not shadowed, (package, shadowed)


def test_private_modules_are_imported_in_their_package_only() -> None:
    wrong = set()
    for module, targets in arrows().items():
        for imported in targets:
            parent, _, name = imported.rpartition(".")
            if name.startswith("_") and not f"{module}.".startswith(f"{parent}."):
                wrong.add(f"{module} -> {imported}")
    assert not sorted(wrong)


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def documented(module: str) -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the docstring of a module and of all that it defines."""

    def visit(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield name, text
        previous: ast.AST | None = None
        for child in ast.iter_child_nodes(node):
            inner = getattr(child, "name", "")
            yield from visit(child, f"{name}.{inner}" if isinstance(inner, str) and inner else name)
            if isinstance(previous, (ast.Assign, ast.AnnAssign)) and isinstance(child, ast.Expr):
                target = previous.target if isinstance(previous, ast.AnnAssign) else previous.targets[0]
                if isinstance(child.value, ast.Constant) and isinstance(child.value.value, str):
                    yield f"{name}.{ast.unparse(target)}", child.value.value
            previous = child

    yield from visit(tree(module), module)


def test_docstrings_begin_with_a_noun_or_an_imperative() -> None:
    wrong = {
        f"{name}: {text.splitlines()[0]}"
        for module in library()
        for name, text in documented(module)
        if text.split()[0].rstrip(",") in RELATIVES
    }
    assert not wrong


def test_texts_say_not_a_instead_of_is_no() -> None:
    wrong = {
        f"{module}:{node.lineno}: {match.group()}"
        for module in library()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for match in re.finditer(r"(?<!there )\b(is|are)\s+no\b(?!\s+(longer|more)\b)[^.\n]*", node.value)
    }
    assert not wrong


def test_a_number_and_its_noun_agree() -> None:
    """`counted` writes them: a number in the text of a limit, as in 'more than', is not 1."""
    wrong = {
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for module in library()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.JoinedStr) and not re.search(r"\b(more|most)\b", ast.unparse(node))
        for number, noun in pairwise(node.values)
        if isinstance(number, ast.FormattedValue) and ast.unparse(number.value).startswith("len(")
        if isinstance(noun, ast.Constant)
        and re.match(r" ([a-z]+ ){0,2}(?!(is|its|has)\b)[a-z]+s\b", noun.value)
    }
    assert not sorted(wrong)


def test_nothing_needs_fcntl() -> None:
    """Stores work on Windows, which has no such module."""
    wrong = {
        module
        for module in library()
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Import) and any(alias.name == "fcntl" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "fcntl")
    }
    assert not sorted(wrong)


def test_small_modules_with_one_importer_are_part_of_it() -> None:
    importers: dict[str, set[str]] = defaultdict(set)
    for module, targets in arrows().items():
        for imported in targets:
            importers[imported].add(module)
    small = {
        module
        for module, path in library().items()
        if layer(module) != "domains" and not is_package(module) and len(importers[module]) == 1
        # Exported names are imported through the package, so their importers are not visible here.
        if not any(is_package(importer) and exports(importer) for importer in importers[module])
        if len(path.read_text(encoding="utf-8").splitlines()) < SMALL
    }
    assert not sorted(small)


ABSTRACT = {"ABC", "Protocol", "Exception", "NamedTuple", "TypedDict", "Enum"}


def test_no_class_is_split_by_inheritance() -> None:
    """A base with one subclass beside it, which nothing makes or holds on its own, is half a class."""
    subclasses: dict[str, list[tuple[str, str]]] = defaultdict(list)
    found = {}
    for module, node in classes():
        names = {ast.unparse(base).split("[")[0].rpartition(".")[2] for base in node.bases}
        found[node.name] = (module, node, names)
        for name in names:
            subclasses[name].append((module, node.name))
    made = {
        ast.unparse(node.func).rpartition(".")[2]
        for module in library()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
    }
    wrong = set()
    for name, (module, node, names) in found.items():
        is_abstract = bool(names & ABSTRACT) or "abstractmethod" in ast.unparse(node)
        is_error = any(base.endswith(("Error", "Exception")) for base in names)
        beside = [one for where, one in subclasses[name] if layer(where) == layer(module)]
        if (
            len(subclasses[name]) == len(beside) == 1
            and not is_abstract
            and not is_error
            and name not in made
        ):
            wrong.add(f"{module}.{name} <- {beside[0]}")
    assert not sorted(wrong)

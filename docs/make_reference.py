# ruff: noqa: INP001, E501 - a hook of mkdocs, not part of a package; texts are read whole
"""Pages of the manual that are made from the code, and the laboratory's tables on pages of their own.

mkdocs runs it (`hooks` in mkdocs.yml). Command line, settings, layers and public functions are read off the
code, so that they cannot fall behind. Tables between marks `<!-- NAME: begin -->` are what a benchmark wrote
into a page about a method; in the built manual they stand on the laboratory's page of the same name, and the
method's page links to them.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campwatch.cli.app import app
from campwatch.cli.examples import EXAMPLES
from campwatch.layers import LAYERS
from campwatch.workspace import default_settings_text

DOCS = Path(__file__).parent
MARKED = re.compile(r"<!-- ([\w -]+): begin -->\n(.*?)<!-- \1: end -->", re.DOTALL)
METHODS = (
    "expansion", "stockpiles", "answers", "boundary-change", "imagery-cube", "imagery-sources", "archive", "maps",
    "running", "backup", "how-do-you-know",
)  # fmt: skip
"""Pages whose tables stand in the laboratory."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Pages that the navigation does not name yet stand at the end of *How it works*."""
    named = str(config.nav)
    section = next(
        part["How it works"] for part in config.nav if isinstance(part, dict) and "How it works" in part
    )
    section += sorted(path.name for path in DOCS.glob("*.md") if f"'{path.name}'" not in named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """A method's page with links where its tables stand."""
    name = page.file.src_uri.removesuffix(".md")
    if name not in METHODS:
        return markdown
    return MARKED.sub(
        lambda m: f"*Table: [laboratory, {m[1]}](laboratory/{name}.md#{_anchor(m[1])}).*\n", markdown
    )


def pages() -> dict[str, str]:
    """Markdown of every page that is made, by its path in the manual."""
    return {
        "reference/command-line.md": command_line(),
        "reference/settings.md": settings(),
        "reference/layers.md": layers(),
        "reference/functions.md": functions(),
        "laboratory/index.md": LABORATORY,
        **{f"laboratory/{name}.md": laboratory(name) for name in METHODS},
    }


LABORATORY = """\
# The laboratory

What each method gave when it was tried, table by table, as a benchmark wrote it: with the seeds that it was judged on and
the digest of the method that made it. *Made with an earlier method* under a table says that the method has moved on since.
The pages under *How it works* say what is done now.
"""


def laboratory(name: str) -> str:
    """The tables of one method's page, each under the heading of the section that it stands in."""
    text = (DOCS / f"{name}.md").read_text("utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    parts = [f"# Laboratory: {title}\n\nWhat the method is: [{title}](../{name}.md).\n"]
    for found in MARKED.finditer(text):
        sections = re.findall(r"^##+ (.+)$", text[: found.start()], re.MULTILINE)
        where = f"*{sections[-1]}*\n\n" if sections else ""
        parts.append(f"## {found[1]} {{#{_anchor(found[1])}}}\n\n{where}{found[2]}")
    return "\n".join(parts)


def _anchor(name: str) -> str:
    return "table-" + name.replace(" ", "-")


def command_line() -> str:
    """Every command with its usage, an example, arguments and options."""
    root = typer.main.get_command(app)
    lines = [
        "# Command line",
        "",
        "`campwatch [-C DIR] [--json] [-v] [-q] COMMAND …`; `--json` may stand anywhere.",
        "",
    ]
    lines += [
        "Exit codes: 0 done; 1 a known error, in one line; 2 wrong usage; 3 done but incomplete; 130 interrupted.",
        "",
        *_options(root),
    ]
    for name, command in commands(root):
        lines += [f"## {name}", "", _plain(command.help or ""), ""]
        lines += ["```text", *EXAMPLES.get(name, ()), "```", "", *_options(command)]
    return "\n".join(lines)


def commands(root: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by what is typed."""
    context = typer.Context(root)
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {sub}", inner[sub]) for sub in inner)


def _options(command: Any) -> list[str]:
    told = [
        p for p in command.params if p.name not in {"help", "as_json"} and not getattr(p, "hidden", False)
    ]
    if not told:
        return []
    lines = ["| argument or option | meaning |", "|---|---|"]
    for one in told:
        names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
        if one.param_type_name == "argument":
            names = f"`{one.metavar or one.name.upper()}`"
        choices = [f"`{choice.value}`" for choice in _choices(one.type_descriptor.annotation)]
        kinds = f" One of {', '.join(choices)}." if choices else ""
        lines.append(f"| {names} | {_cell(_plain(one.help or '') + kinds)} |")
    return [*lines, ""]


def _choices(annotation: Any) -> list[Enum]:
    """The members of an enum, or of the one within `list[…]` or `… | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)
    return [choice for inner in get_args(annotation) for choice in _choices(inner)]


def _plain(text: str) -> str:
    return " ".join(text.replace("\\[", "[").split())


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def settings() -> str:
    """The commented file that `init` writes."""
    head = "# Settings\n\nWhat `campwatch init` writes as `campwatch.toml`, each setting with its default. "
    head += "`CAMPWATCH_SECTION__NAME` in the environment overrides one; an unknown key is an error.\n"
    return f"{head}\n```toml\n{default_settings_text()}```\n"


def layers() -> str:
    """Every result layer and column of the registry."""
    lines = [
        "# Layers and columns",
        "",
        "Tables of `results.gpkg` and of every export. *Public* says when a column may be shown",
        "in a public file.",
        "",
    ]
    for spec in LAYERS.values():
        lines += [f"## {spec.name}", "", f"{spec.title} ({spec.title_ko}). Method `{spec.method}`.", ""]
        lines += ["| column | unit | meaning | 뜻 | public |", "|---|---|---|---|---|"]
        for one in spec.columns:
            shown = one.shown.value if one.shown else "no"
            cells = (f"`{one.name}`", one.unit, one.meaning, one.meaning_ko, shown)
            lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def functions() -> str:
    """Every public name of each package with its docstring."""
    lines = [
        "# Public functions and records",
        "",
        "What [From Python](../python.md) lists, with what each takes and gives.",
        "",
    ]
    for package in (
        "campwatch",
        "campwatch.questions",
        "maps",
        "detection",
        "detection.sampling",
        "imagery",
        "aoi",
        "evidence",
    ):
        module = importlib.import_module(package)
        lines += [f"## {package}", ""]
        for name in module.__all__:
            value = getattr(module, name)
            lines += [f"### {package}.{name}", ""]
            text = inspect.getdoc(value) if callable(value) else None
            if callable(value) and not inspect.isclass(value):
                lines += ["```python", f"{name}{_signature(value)}", "```", ""]
            lines += ["```text", text or f"{type(value).__name__}", "```", ""]
    return "\n".join(lines)


def _signature(value: Any) -> str:
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", str(inspect.signature(value)).replace("'", ""))

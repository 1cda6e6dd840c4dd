"""The directive `schema-table`: the keys of a JSON schema with what they mean, so that both are written once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCHEMAS = Path(__file__).parents[1] / "schemas"


def rows_of(
    schema: dict[str, Any], within: dict[str, Any] | None = None, path: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield (key, type, meaning) of a schema's keys, those of its parts below it."""
    whole = schema if within is None else within
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]] | {k: v for k, v in schema.items() if k != "$ref"}
    for key, part in schema.get("properties", {}).items():
        name = f"{path}.{key}" if path else key
        yield name, _type(part, whole), part.get("description", "")
        yield from rows_of(part, whole, name)
    for pattern in ("additionalProperties", "items"):
        if isinstance(inner := schema.get(pattern), dict):
            yield from rows_of(inner, whole, f"{path}[]" if pattern == "items" else f"{path}.NAME")


def _type(part: dict[str, Any], whole: dict[str, Any]) -> str:
    if "$ref" in part:
        return _type(whole["$defs"][part["$ref"].rpartition("/")[2]], whole)
    if "const" in part or "enum" in part:
        return " or ".join(json.dumps(value) for value in part.get("enum", [part.get("const")]))
    kinds = part.get("type", "any")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


class SchemaTable(SphinxDirective):
    """`schema-table` NAME: the table of docs/schemas/NAME.schema.json."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        file = SCHEMAS / f"{self.arguments[0]}.schema.json"
        self.env.note_dependency(str(file))
        lines = ["| key | type | what |", "|---|---|---|"]
        lines += [
            f"| `{key}` | {kind} | {what.replace('|', chr(92) + '|')} |"
            for key, kind, what in rows_of(json.loads(file.read_text(encoding="utf-8")))
        ]
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source=str(file)), self.content_offset, container)
        return list(container.children)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of it."""
    app.add_directive("schema-table", SchemaTable)
    return {"parallel_read_safe": True}

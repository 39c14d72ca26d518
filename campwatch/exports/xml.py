"""Elements written as they read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

Element = etree._Element  # noqa: SLF001 - lxml has no public name for it


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes elements of one namespace: `make("Folder", make("name", "Looks"), id="looks")`."""

    namespace: str | None = None

    def __call__(self, tag: str, /, *content: str | Element, **attributes: str) -> Element:
        """An element with text, children and attributes."""
        prefixes: Any = {None: self.namespace} if self.namespace else {}
        node = etree.Element(self._qualified(tag), nsmap=prefixes)
        for name, value in attributes.items():
            node.set(name, value)
        for part in content:
            if isinstance(part, str):
                node.text = (node.text or "") + part
            else:
                node.append(part)
        return node

    def _qualified(self, tag: str) -> str:
        return f"{{{self.namespace}}}{tag}" if self.namespace else tag


NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML document can hold: control characters, halves of pairs, non-characters."""


def clean_text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return NOT_IN_XML.sub("", text)

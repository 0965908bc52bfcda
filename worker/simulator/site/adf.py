"""Plain text to Atlassian Document Format and back: API v3 uses the latter, v2 the former."""

from typing import Any


def to_adf(text: str) -> dict[str, Any]:
    """A document with a paragraph for every block of lines and a hard break for every line."""
    paragraphs = [_paragraph(block) for block in text.split("\n\n")]
    return {"type": "doc", "version": 1, "content": paragraphs}


def from_adf(node: Any) -> str:
    """The text of a document; for an unknown node, the text of its content."""
    if not isinstance(node, dict):
        return ""
    if node.get("type") == "text":
        return str(node.get("text", ""))
    if node.get("type") == "hardBreak":
        return "\n"
    separator = "\n\n" if node.get("type") == "doc" else ""
    return separator.join(from_adf(child) for child in node.get("content", []))


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for number, line in enumerate(block.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}

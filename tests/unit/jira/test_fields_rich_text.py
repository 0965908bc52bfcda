"""Rich text as plain text: Atlassian's document format, and wiki markup."""

from typing import Any

import pytest

from worker.jira.fields.values import render, render_rich


def doc(*content: Any) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content)} | ({"attrs": attrs} if attrs else {})


def text(words: str, *marks: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": [{"type": mark} for mark in marks]}


def para(*content: Any) -> dict[str, Any]:
    return node("paragraph", *content)


def item(words: str) -> dict[str, Any]:
    return node("listItem", para(text(words)))


@pytest.mark.parametrize(
    ("document", "plain"),
    [
        (doc(para(text("ALU-"), text("7075", "strong"))), "ALU-7075"),
        (doc(para(text("one")), para(text("two"))), "one\ntwo"),
        (doc(para(text("a"), {"type": "hardBreak"}, text("b"))), "a\nb"),
        (doc(node("heading", text("Parts"), level=1), para(text("ALU"))), "Parts\nALU"),
        (doc(node("bulletList", item("a"), item("b"))), "- a\n- b"),
        (doc(node("orderedList", item("a"), item("b"))), "1. a\n2. b"),
        (
            doc(
                node(
                    "table",
                    node(
                        "tableRow",
                        node("tableHeader", para(text("Part"))),
                        node("tableCell", para(text("ALU"))),
                    ),
                )
            ),
            "Part | ALU",
        ),
        (doc(para(node("mention", id="1", text="@Ada"), text(" checks"))), "@Ada checks"),
        (doc(para(node("emoji", shortName=":ok:"))), ":ok:"),
        (doc(para(node("inlineCard", url="https://plm.example/1"))), "https://plm.example/1"),
        (doc(para(node("date", timestamp="1557532800000"))), "2019-05-11"),
        (doc(para(node("status", text="READY", color="green"))), "READY"),
        (doc(node("codeBlock", text("G0 X1"))), "G0 X1"),
        (doc(node("panel", para(text("note")))), "note"),
        (doc(node("mediaSingle", node("media", id="x"))), None),
        (doc(), None),
        (doc(para(node("date", timestamp="nonsense"))), "nonsense"),
        (doc("nonsense", None, para(text("kept"))), "kept"),
    ],
)
def test_a_document_becomes_its_words(document: object, plain: str | None) -> None:
    assert render(document) == plain


def test_a_document_that_is_nested_too_deep_is_cut() -> None:
    inner: dict[str, Any] = para(text("deep"))
    for _ in range(5_000):
        inner = node("blockquote", inner)
    assert render(doc(para(text("top")), inner)) == "top"


@pytest.mark.parametrize(
    ("wiki", "plain"),
    [
        ("*ALU-7075*", "ALU-7075"),
        ("_ALU_ part", "ALU part"),
        ("{color:red}rush{color}", "rush"),
        ("{{ALU-7075}}", "ALU-7075"),
        ("{code:java}G0{code}", "G0"),
        ("h2. Part\nALU-7075", "Part\nALU-7075"),
        ("* one\n** two", "- one\n- two"),
        ("[drawing|https://plm.example/1]", "drawing"),
        ("[https://plm.example/1]", "https://plm.example/1"),
        (r"one\\two", "one\ntwo"),
    ],
)
def test_wiki_markup_is_taken_off(wiki: str, plain: str) -> None:
    assert render_rich(wiki) == plain


@pytest.mark.parametrize(
    "part_number",
    [
        "158041-001-01",
        "ALU_HOUSING_7075",
        "M8*1.25*30",
        "A-B-C",
        "-40 +85 C",
        "{A}",
        "[7075]",
        "[A|B]",
        "X^2~1",
        "#5 screw",
        "# 5",
        "5 * 4 * 3",
        "__init__",
    ],
)
def test_no_part_number_loses_a_character_to_a_guess(part_number: str) -> None:
    assert render_rich(part_number) == part_number

"""Rich text as plain text: Atlassian's document format, and wiki markup."""

from typing import Any

import pytest

from worker.jira.fields.values import render
from worker.jira.fields.wiki import is_marked, plain


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
    ("wiki", "words"),
    [
        ("{*}ALU-7075{*}", "ALU-7075"),
        ("158041-{*}001{*}-02", "158041-001-02"),
        ("{*}12{*}34{*}56{*}", "123456"),
        ("{_}x{_}", "x"),
        ("{+}x{+}", "x"),
        ("{-}x{-}", "x"),
        ("{^}x{^}", "x"),
        ("{~}x{~}", "x"),
        ("{??}x{??}", "x"),
        ("{*}{_}x{_}{*}", "x"),
        ("*{_}x{_}*", "x"),
        ("_{*}x{*}_", "x"),
        ("*_x_*", "x"),
        ("*bold{*}rest", "boldrest"),
        ("{*}ALU{*}{-}-{-}7075", "ALU-7075"),
        ("{*}one\ntwo{*}", "one\ntwo"),
        ("158041-{color:#172b4d}001{color}-02", "158041-001-02"),
        ("{color:#ff0000}{*}x{*}{color}", "x"),
        ("{{{}x{}}}", "x"),
        ("a{{{}x{}}}b", "axb"),
        (r"158041\-001\_A\*", "158041-001_A*"),
        (r"\{*}x\{*}", "{*}x{*}"),
        ("{anchor:a}ALU", "ALU"),
        ("{noformat}*a*{noformat}", "*a*"),
        ("{code:java}_x_{code}", "_x_"),
        ("[ALU|https://x/1|smart-link]", "ALU"),
        ("[https://x/1|https://x/1|smart-link]", "https://x/1"),
        ("[~accountid:5b:1] asks", "@5b:1 asks"),
        ("!image.png|width=200,height=100!ALU", "!image.png|width=200,height=100!ALU"),
        ("ALU !image.png|width=200,height=100!", "ALU"),
        ("* ALU-7075", "ALU-7075"),
        ("bq. ALU", "ALU"),
        ("||Part||Rev||\n|ALU|C|", "Part | Rev\nALU | C"),
        ("ALU\n----\nrest", "ALU\n\nrest"),
        ("+ALU-7075+", "ALU-7075"),
        ("??ALU??", "ALU"),
        ("&nbsp;ALU&nbsp;", "ALU"),
        ('{adf:display=block}\n{"type":"doc","content":[]}\n{adf}ALU', "ALU"),
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
def test_wiki_markup_is_taken_off(wiki: str, words: str) -> None:
    assert plain(wiki) == words


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
        "_A_B_",
        "*A*B*",
        "-ALU-7075-",
        "A+B+C",
        "x^2^",
        "A--B",
        "A---B",
        "{*}",
        "5{*}",
        r"C:\parts\x",
        "100!.50!",
        "!important!",
    ],
)
def test_no_part_number_loses_a_character_to_a_guess(part_number: str) -> None:
    assert plain(part_number) == part_number
    assert not is_marked(part_number)


@pytest.mark.parametrize(
    "sign",
    ["{*}", "{_}x", "*a ", "[a", "|", "{{", "{code}", "!a", "\\", "{adf}[", "_ *", "{color:"],
)
def test_a_text_of_signs_alone_is_read_in_bounded_time(sign: str) -> None:
    assert isinstance(plain(sign * 1_000_000), str)

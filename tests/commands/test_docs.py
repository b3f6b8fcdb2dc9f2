"""What is written: error messages and their remedies, command lines, the notebook, the site."""

import re
import shlex

import pytest
from conftest import ROOT

from photometrypipeline.base import commandline, completion

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"(?:\$ )?((?:pp|pptool)_[a-z]+(?: .*)?)")


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")


def test_every_error_message_has_its_entry_in_troubleshooting():
    import messages

    known, written = messages.messages(), messages.entries()
    assert len(known) > 300
    without = [text for text in known if not any(messages.matches(entry, text) for entry in written)]
    assert without == [], "add them to docs/troubleshooting.md; tools/messages.py lists them"
    stale = [entry for entry in written if not any(messages.matches(entry, text) for text in known)]
    assert stale == [], "no message of the sources begins like these entries of docs/troubleshooting.md"


def test_messages_are_read_as_python_makes_them():
    import ast

    import messages

    code = """
def f(path, n):
    what = "one of them" if n else f"{n} of them"
    raise FrameError(path, f"holds {what}, not " + str(n), "remedy")
"""
    function = ast.parse(code).body[0]
    (call,) = [node for node in ast.walk(function) if isinstance(node, ast.Call) and messages.said(node, ROOT)]
    texts = messages.alternatives(messages.said(call, ROOT), messages.assigned(ast.walk(function)))
    assert texts == {"holds one of them, not …", "holds … of them, not …"}
    assert messages.matches("holds … of them", "holds … of them, not …")
    assert not messages.matches("holds none", "holds … of them")
    with pytest.raises(ValueError, match="says too little"):
        messages.matches("…: …", "a: b")


def command_lines(text):
    """Yield (command line of ours, whether it may lack something) of a page: of its blocks, and of its text."""
    blocks = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for language, block in blocks:
        if language in ("", "bash", "sh", "console"):
            for line in re.sub(r"\\\n\s*", "", block.rpartition("Examples:")[2]).splitlines():
                if found := COMMAND.fullmatch(re.split(r" {2,}| # |\s+[&|>]", line.strip())[0]):
                    yield found[1], False
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        if " " in code and (found := COMMAND.fullmatch(re.split(r"\s+[&|>]", code)[0])):
            yield found[1], True


def test_every_command_line_in_the_pages_is_one_that_the_commands_take(monkeypatch):
    parsers = completion.parsers(ROOT)
    for parser in parsers.values():
        parser.glances = ()  # they look for files
    tried, wrong = 0, []

    def refuse(self, message):
        raise ValueError(message)

    monkeypatch.setattr(commandline.Parser, "error", refuse)
    for page in PAGES:
        for line, in_text in command_lines(page.read_text(encoding="utf-8")):
            try:
                name, *arguments = shlex.split(line.replace("\\|", "|"))
            except ValueError:
                wrong.append(f"{page.name}: {line}: quotes")
                continue
            if "..." in arguments or "…" in line or name.removesuffix(".py") not in parsers:
                continue
            tried += 1
            try:
                parsers[name.removesuffix(".py")].parse_args(arguments)
            except ValueError as error:
                if not (in_text and re.search("required|expected", str(error))):
                    wrong.append(f"{page.name}: {line}: {error}")
            except SystemExit:
                pass  # -h, -version
    assert wrong == []
    assert tried > 150

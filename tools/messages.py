#!/usr/bin/env python3
"""Print the error messages of the sources that have no entry in docs/troubleshooting.md, and entries without a message.

An entry is text in backticks in the first column of a table there, `…` for what differs; it stands for all messages
that begin like it.  A FrameError is known by its reason, without the file's name.
"""

import ast
import functools
import itertools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
OPEN = "…"  # what is known only when the message is made
USERS = {  # errors that users see, and which of their arguments is the message
    **dict.fromkeys(("UsageError", "PipelineError", "TelescopeError", "UnknownFilter", "ProgramError"), 0),
    **dict.fromkeys(("UnusableResult", "CatalogError", "BandNotAvailable", "OutsideSurvey", "NotFound"), 0),
    **dict.fromkeys(("Ambiguous", "NoElements", "Retry", "services.Retry", "argparse.ArgumentTypeError"), 0),
    **dict.fromkeys(("FrameError", "TooFewStars", "NotReachable"), None),
}
REASON = {
    "FrameError": 1,
    "TooFewStars": 2,
    "NotReachable": 2,
    "self.not_reachable": 2,
    "losses.add": 1,
    "log.error": 0,
}
REASON |= {"SystemTrouble": 0, "InternalError": 0, "requests.ReadTimeout": 0, "ValueError": 0, "super().__init__": 0}
REASON |= {"PipelineError.__init__": 1}
FEWEST = 5  # letters that an entry gives
MANY = 12  # of the ways that one message may read


def alternatives(node, names):
    """Return the texts (set of str) that an expression may be, with OPEN for what is not known.

    names : {name: [expressions that are assigned to it]} of the function around, {"f()": [its returns]} of the module
    """
    if isinstance(node, ast.Constant):
        return {str(node.value)}
    if isinstance(node, ast.JoinedStr):
        return joined([value.value if isinstance(value, ast.FormattedValue) else value for value in node.values], names)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return joined([node.left, node.right], names)
    if isinstance(node, ast.IfExp):
        return alternatives(node.body, names) | alternatives(node.orelse, names)
    key = node.id if isinstance(node, ast.Name) else f"{ast.unparse(node.func)}()" if isinstance(node, ast.Call) else ""
    if key in names:
        inner = {name: found for name, found in names.items() if name != key}
        return set().union(*(alternatives(each, inner) for each in names[key]))
    return {OPEN}


def joined(parts, names):
    """Return what the parts of a text may be together."""
    ways = [alternatives(part, names) for part in parts]
    if len(parts) > 1:  # a name within a text is open, unless it stands for words
        ways = [way if not isinstance(part, ast.Name) or all(" " in text for text in way) else {OPEN}
                for part, way in zip(parts, ways, strict=True)]  # fmt: skip
    return {"".join(words) for words in itertools.islice(itertools.product(*ways), MANY)}


def assigned(nodes):
    """Return {name: [expressions]} of what is assigned among the nodes of a syntax tree."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def returned(function):
    """Return the expressions that a function may return."""
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


def said(node, path):
    """Return the expression of the message that a node of the syntax tree makes, None if it makes none."""
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    if name == "super().__init__" and path.name != "errors.py":
        return None
    place = REASON.get(name, USERS.get(name))
    return node.args[place] if place is not None and len(node.args) > place else None


def messages():
    """Return {message: places (list of "file:line")} of all sources."""
    found = {}
    for path in sorted([*ROOT.glob("*.py"), *(ROOT / "photometrypipeline").rglob("*.py")]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = assigned([node for node in tree.body if isinstance(node, ast.Assign)])
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        constants |= {f"{function.name}()": returned(function) for function in functions}
        for function in functions:
            nodes = list(ast.walk(function))
            told = [(node.lineno, expression) for node in nodes if (expression := said(node, path)) is not None]
            names = constants | assigned(nodes) if told else {}
            for line, expression in told:
                for text in alternatives(expression, names):
                    text = re.sub("%[-.0-9]*[sdgf]", OPEN, text)
                    if len(re.findall(r"[A-Za-z]{2,}", text)) > 1:
                        found.setdefault(text, []).append(f"{path.relative_to(ROOT)}:{line}")
    return found


def entries():
    """Return the patterns (list of str) in the first columns of the tables of the page."""
    rows = [line.split(" | ")[0] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [entry for row in rows for entry in re.findall("`([^`]+)`", row)]


@functools.cache
def pattern(entry):
    """Return the regular expression of an entry; raises ValueError for one that says too little."""
    if len(re.findall("[A-Za-z]", entry)) < FEWEST:
        raise ValueError(f"the entry {entry!r} says too little")
    return re.compile(".*".join(map(re.escape, entry.replace("\\|", "|").split(OPEN))), re.DOTALL)


def matches(entry, message):
    """Return whether a message begins as an entry says."""
    return pattern(entry).match(message) is not None


def main():
    known, written = messages(), entries()
    without = {text: places for text, places in known.items() if not any(matches(entry, text) for entry in written)}
    stale = [entry for entry in written if not any(matches(entry, text) for text in known)]
    for text, places in without.items():
        print(f"{places[0]}: {text}")
    for entry in stale:
        print(f"no message: {entry}")
    print(f"{len(known)} messages, {len(without)} without an entry, {len(stale)} entries without a message")
    return bool(without or stale)


if __name__ == "__main__":
    sys.exit(main())

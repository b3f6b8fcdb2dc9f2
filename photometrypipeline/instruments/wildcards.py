"""Patterns of header values, by which one definition stands for a family of cameras that differ only in their name.

They are those of file names: `*` for any text, `?` for one character, `[0-9]` for one of several; case counts.
"""

import fnmatch
import functools

from photometrypipeline.base.errors import TelescopeError

SPECIAL = "*?["
ANY_TEXT = None  # stands for `*` among the parts of a pattern


def is_pattern(name):
    """Return whether an identifier stands for many header values."""
    return any(character in name for character in SPECIAL)


def keys_of(value, registry):
    """Return the keys (list) of the instruments that a header `value` may mean, the one to prefer first.

    A name that is known as it stands wins over patterns, and patterns of users win over ours.
    """
    exact = registry.identifiers.get(value)
    fitting = [key for pattern, key in registry.patterns if value == pattern or fnmatch.fnmatchcase(value, pattern)]
    return list(dict.fromkeys(([exact] if exact else []) + fitting))


def check(patterns, telescopes):
    """Raise TelescopeError if one header value could mean two instruments.

    patterns : (pattern, key) pairs;  telescopes : {key: Telescope}, whose TELESCOP patterns may keep them apart
    """
    patterns = list(patterns)
    for number, (pattern, key) in enumerate(patterns):
        for other, other_key in patterns[:number]:
            if key != other_key and overlap(pattern, other) and not _apart(telescopes[key], telescopes[other_key]):
                raise TelescopeError(
                    f"{telescopes[key].origin}: identifier {pattern!r} and {other!r} of {other_key} "
                    f"({telescopes[other_key].origin}) fit the same names; make one narrower, or say which TELESCOP "
                    "each belongs to"
                )


def _apart(one, other):
    """Return whether no value of TELESCOP fits both."""
    if not one.telescop or not other.telescop:
        return False
    return not any(overlap(a.lower(), b.lower()) for a in one.telescop for b in other.telescop)


@functools.lru_cache(maxsize=4096)
def overlap(one, other):
    """Return whether there is a text that both patterns fit."""
    return _overlap(_parts(one), _parts(other))


def _overlap(one, other):
    if not one or not other:
        return all(part is ANY_TEXT for part in (*one, *other))
    if one[0] is ANY_TEXT:
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] is ANY_TEXT:
        return _overlap(one, other[1:]) or _overlap(one[1:], other)
    return bool(one[0] & other[0]) and _overlap(one[1:], other[1:])


def _parts(pattern):
    """Return a pattern as a tuple: for each character the set of those that fit it, ANY_TEXT for `*`."""
    printable = frozenset(map(chr, range(32, 127)))
    parts, rest = [], pattern
    while rest:
        end = rest.find("]", 2) if rest[0] == "[" else -1
        piece = rest[: end + 1] if end > 0 else rest[0]
        rest = rest[len(piece) :]
        if piece == "*":
            parts.append(ANY_TEXT)
        elif piece not in SPECIAL and len(piece) == 1:
            parts.append(frozenset(piece))
        else:
            parts.append(frozenset(each for each in printable | set(piece) if fnmatch.fnmatchcase(each, piece)))
    return tuple(parts)

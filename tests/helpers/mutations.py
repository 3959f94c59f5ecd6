"""Wrong files made from right ones, by a seed: what people mistype and attackers try."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

RAW = {
    "RAWdigits": "9" * 5000,
    "RAWminusdigits": "-" + "9" * 5000,
    "RAWexponent": "1e999999999",
    "RAWhuge": "1e308",
    "RAWtiny": "5e-324",
    "RAWnan": ".nan",
    "RAWinf": "-.inf",
    "RAWdeep": "[" * 3000 + "]" * 3000,
    "RAWdeepmap": '{"a":' * 500 + "1" + "}" * 500,
    "RAWtag": "!!python/object/apply:os.system [ls]",
    "RAWbinary": "!!binary aGVsbG8=",
    "RAWset": "!!set {a, b}",
    "RAWalias": "*nowhere",
    "RAWself": "&self [*self]",
    "RAWbomb": "[&a [x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,"
    "*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d], "
    "[*e,*e,*e,*e,*e,*e,*e,*e]]",
    "RAWdate": "2026-01-01",
    "RAWoctal": "0400",
    "RAWhex": "0x1F",
    "RAWunderscores": "1_0__0",
    "RAWcontrol": '"a\\x1b[31mb\\x00"',
    "RAWsurrogate": '"\\ud800"',
}
"""Words that are written as they are, where a dumped value would be quoted or refused."""

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3.5, 1e308, 10**18, 2**63, 2**64, "", " ", "a", "é", "e\u0301",
    "\u202ea", "\U0001f600", "a\u2028b", "a" * 5000, "../../etc/passwd", "/dev/zero", "/", ".",
    "os.path:join", "os:environ", "builtins:print", "no.such.module:x", ":", "a:", "nan", "inf",
    "null", "yes", "=cmd|'/c calc'!A1", "<script>alert(1)</script>", "{{ 7*7 }}", "%s%n", "$HOME",
    "digits", "mse", "fid", "vae/vae", "gan/dcgan", "digits[unseen=each]", "digits[unseen=99]",
    "ring", "folder:/nowhere", "external", "comparison", "falls", [], {}, [[]], [None], [1, "a"],
    {"a": 1}, {"model": "vae/vae", "at": 0.5}, {"model": ["vae/vae"]}, [{}], {"": ""}, [[[["a"]]]],
    *RAW,
]  # fmt: skip

Mutator = Callable[[random.Random, Any], Any]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield from _paths(child, (*path, key))


def _parent(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def _below(rng: random.Random, value: Any) -> tuple[Any, Any] | None:
    """The container and the key of some value within."""
    paths = [path for path in _paths(value) if path]
    if not paths:
        return None
    path = rng.choice(paths)
    return _parent(value, path), path[-1]


def _replace(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = copy.deepcopy(rng.choice(VALUES))


def _wrap(rng: random.Random, container: Any, key: Any) -> None:
    inner = container[key]
    container[key] = rng.choice([[inner], {"name": inner}, [inner, inner], {"a": {"b": inner}}])


def _to_text(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = str(container[key])


def _delete(rng: random.Random, container: Any, key: Any) -> None:
    del container[key]


def _repeat(rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, list):
        container.extend([copy.deepcopy(container[key])] * rng.choice([1, 2, 50]))
    else:
        container[key] = [container[key]] * 50


def _rename(rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        name = rng.choice([f"{key}s", str(key)[1:], str(key).upper(), "x", "", "a b", "$ref", "é"])
        container[name] = container.pop(key)


def _add(rng: random.Random, container: Any, key: Any) -> None:
    value = copy.deepcopy(rng.choice(VALUES))
    if isinstance(container, dict):
        container[rng.choice(["extra", "shape", "at", "against", "extends", "from"])] = value
    else:
        container.append(value)


def _swap(rng: random.Random, container: Any, key: Any) -> None:
    other = rng.choice(list(container) if isinstance(container, dict) else range(len(container)))
    container[key], container[other] = container[other], container[key]


EXTREMES = [0, -1, 1, 1e308, -1e308, 1.7e308, 5e-324, 1e-300, 10**18, -(10**18), 0.0, -0.0, 1e16]


def _leaves(value: Any) -> list[tuple[Any, Any]]:
    """The container and the key of every number within."""
    places = [(_parent(value, path), path[-1]) for path in _paths(value) if path]
    return [(c, key) for c, key in places if isinstance(c[key], int | float)]


def extreme(rng: random.Random, value: Any) -> Any:
    """The value with some of its numbers replaced by very large and very small ones, which most
    checks of types let through.
    """
    value = copy.deepcopy(value)
    leaves = _leaves(value)
    number = rng.choice(EXTREMES)
    for container, key in leaves if rng.random() < 0.2 else rng.sample(leaves, min(5, len(leaves))):
        container[key] = number if rng.random() < 0.7 else rng.choice(EXTREMES)
    return value


CHANGES = [_replace, _replace, _replace, _wrap, _to_text, _delete, _repeat, _rename, _add, _swap]


def changed(rng: random.Random, value: Any) -> Any:
    """The value with a few of its parts changed."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if place := _below(rng, value):
            rng.choice(CHANGES)(rng, *place)
    return value if rng.random() > 0.01 else copy.deepcopy(rng.choice(VALUES))


def as_yaml(value: Any) -> bytes:
    """As YAML, with the words of `RAW` as they are."""
    return _raw(yaml.safe_dump(value, sort_keys=False, allow_unicode=False)).encode()


def as_json(value: Any) -> bytes:
    """As JSON, with the words of `RAW` as they are."""
    return _raw(json.dumps(value)).encode()


def _raw(text: str) -> str:
    return re.sub(r'"?\b(RAW[a-z]+)\b"?', lambda found: RAW.get(found[1], found[0]), text)


# -- bytes ---------------------------------------------------------------------------------------

ODD = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r", b"\x1b[2J", b"\xed\xa0\x80", b"\xc3",
    b"&a ", b"*a", b"<<: *a\n", b"!!python/name:os.system ", b"%YAML 9.9\n---\n", b"\n---\n",
    b"\n...\n",
    b"? ", b"- ", b": ", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"|\n", b">\n", b"@", b"`",
    b"[" * 20_000, b"{a: " * 5_000, b"- " * 20_000, b"9" * 10_000, b"a" * 100_000, b"\n" * 10_000,
    "\u2028\u0085\u202e\U0001f600".encode(),
]  # fmt: skip


def _truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _cut(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randrange(1, 40) :]


def _flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 5, 50]) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _inserted(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(ODD) + data[at:]


def _line_twice(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    return b"\n".join([*lines[: at + 1], *lines[at:]])


def _recoded(rng: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(["utf-16", "utf-32", "utf-8-sig", "cp500", "utf-7"]), "replace")


def _repeated(rng: random.Random, data: bytes) -> bytes:
    return data * rng.choice([0, 2, 3, 40])


BYTES = [
    _truncated,
    _cut,
    _flipped,
    _flipped,
    _inserted,
    _inserted,
    _line_twice,
    _recoded,
    _repeated,
]


def broken(rng: random.Random, data: bytes) -> bytes:
    """The bytes with a few of them changed."""
    for _ in range(rng.choice([1, 1, 2])):
        data = rng.choice(BYTES)(rng, data)
    return data


def mutated(rng: random.Random, value: Any, dump: Callable[[Any], bytes]) -> bytes:
    """A wrong file: changed in its parts, in its bytes, or both."""
    how = rng.random()
    if how < 0.2:
        return dump(extreme(rng, value))
    data = dump(changed(rng, value) if how < 0.8 else value)
    return broken(rng, data) if how > 0.7 else data

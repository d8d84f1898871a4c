"""Model files with a few things wrong, made from right ones: by tokens, by the syntax tree, by lines, by bytes, and by mixing two files.

Each mutation takes a text and a source of chance, so a seed always makes the same file.
"""

from __future__ import annotations

import ast
import io
import random
import tokenize
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = (
    ("fix/models", "*.py"),
    ("load/messy", "*.txt"),
    ("cli/broken_models", "*.py"),
    ("cli/messy", "*.txt"),
    ("../docs/examples", "*.py"),
)

NUMBERS = ["0", "1", "-1", "2", "3", "7", "64", "255", "-100", "10**6", "10**12", "10**30", "2**63", "0.5", "1e308", "float('nan')", "True"]
WORDS = """
None self x y super() ... [] {} () '' "N" b'' lambda:0 *x **x not~ -x x[0] x.shape x.size() x.T nn torch torch.randn(3) type object
nn.Identity() nn.Linear(1,1) nn.ModuleList() nn.Sequential() range(3) print open int str list dict set slice(None) Exception NotImplemented
self.forward self.training globals() locals() __import__ iter(()) (yield) await x:=1 x.view(-1) x.reshape(0,-1) x.sum() x.to("cuda") x.data
""".split()
LINES = """
pass
return
return None
raise ValueError
raise SystemExit
raise KeyboardInterrupt
import os
from . import a
from .. import *
import nowhere
global x
del self
del x
x = None
x = x[0]
x = x, x
x = x.item()
self.fc = None
nonlocal x
break
continue
yield x
assert False, x.shape
exec("a = 1")
while True: pass
for x in x: pass
with x: pass
try: pass
except: pass
else:
if x:
@property
@staticmethod
@torch.no_grad()
@torch.jit.script
class A: pass
class Net(nn.Module): pass
def forward(self, *x, **y): return x
def __init__(self): pass
def __getattr__(self, name): return 1
def __call__(self, x): return 1
__slots__ = ()
async def f(): await f()
return super().forward(x)
self.register_buffer("b", x)
if False: yield
from __future__ import annotations
# linearcheck: ignore
# linearcheck: input-shape=N,3,x
# type: ignore
# -*- coding: latin-1 -*-
match x: pass
self.add_module("a b", nn.Linear(2, 3))
x = self.nowhere(x)
x = x.view(x.size(1), -1)
x = torch.cat([x, x.T])
x.unsqueeze_(0)
x = x.numpy()
nn.Module.__call__ = None
torch.nn.Linear = int
torch.Tensor.view = None
import torch; torch.set_default_dtype(torch.float64)
self.forward = self
setattr(self, "", self)
self.__class__ = object
self.self = self
object.__setattr__(self, "x", 1)
x = type("<b>[red]", (nn.Module,), {})()(x)
import sys; sys.setrecursionlimit(50)
return self(x)
return self.forward(x)
x = [x for x in iter(int, 1)]
print(x)
import linearcheck
""".strip().split("\n")
BYTES = [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\x0c",
    b"\t",
    b"\\\n",
    b"\xe2\x80\xae",
    b"\x1b[31m",
    b"'''",
    b'"',
    b"#",
    b"(",
    b"\xf0\x9f\x92\xa5",
]

Chance = random.Random


def source_files() -> list[Path]:
    """Model files that other tests use."""
    return sorted(path for folder, pattern in FOLDERS for path in (TESTS / folder).glob(pattern))


def mutated(text: str, other: str, chance: Chance) -> bytes:
    """A file with one to three mutations; `other` is a second file to take pieces from."""
    for _ in range(chance.choice((1, 1, 1, 1, 2, 3))):
        text = chance.choice(TEXT_MUTATIONS)(text, other, chance)
    data = text.encode("utf-8", "surrogatepass")
    return _other_bytes(data, chance) if chance.random() < 0.12 else data


def _other_tokens(text: str, other: str, chance: Chance) -> str:
    """One token deleted, doubled, swapped with its neighbour, or another in its place."""
    tokens = _tokens(text)
    if len(tokens) < 2:
        return text
    at = chance.randrange(len(tokens) - 1)
    start, end, word = tokens[at]
    kind = chance.randrange(5)
    if kind == 0:
        return text[:start] + text[end:]
    if kind == 1:
        return text[:end] + " " + word + text[end:]
    if kind == 2:
        next_start, next_end, next_word = tokens[at + 1]
        return text[:start] + next_word + text[end:next_start] + word + text[next_end:]
    if kind == 3:
        return text[:start] + chance.choice(tokens)[2] + text[end:]
    return text[:start] + chance.choice(WORDS).replace("~", " ") + text[end:]


def _other_number(text: str, other: str, chance: Chance) -> str:
    numbers = [(start, end) for start, end, word in _tokens(text) if word[0].isdigit()]
    if not numbers:
        return text
    start, end = chance.choice(numbers)
    return text[:start] + chance.choice(NUMBERS) + text[end:]


def _other_name(text: str, other: str, chance: Chance) -> str:
    """One name in the place of another: a layer of another kind, an argument that is not there."""
    names = [(start, end, word) for start, end, word in _tokens(text) if word.isidentifier()]
    if not names:
        return text
    start, end, _ = chance.choice(names)
    others = names if chance.random() < 0.7 else [token for token in _tokens(other) if token[2].isidentifier()] or names
    return text[:start] + chance.choice(others)[2] + text[end:]


def _other_tree(text: str, other: str, chance: Chance) -> str:
    """One expression or statement of the syntax tree in the place of another of its kind, or gone."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return _other_tokens(text, other, chance)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
    kind = chance.choice((ast.expr, ast.stmt))
    places = [
        (parent, field, index)
        for parent in ast.walk(tree)
        for field, value in ast.iter_fields(parent)
        for index, child in enumerate(value if isinstance(value, list) else [value])
        if isinstance(child, kind)
    ]
    if not places:
        return text
    parent, field, index = chance.choice(places)
    same = [node for node in nodes if isinstance(node, kind)]
    value = getattr(parent, field)
    if not isinstance(value, list):
        setattr(parent, field, chance.choice(same))
    elif (way := chance.randrange(4)) == 0:
        del value[index]
    elif way == 1:
        value.insert(index, chance.choice(same))
    elif way == 2:
        value[index] = chance.choice(same)
    else:
        chance.shuffle(value)
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except Exception:  # a tree that is no program any more
        return text


def _other_lines(text: str, other: str, chance: Chance) -> str:
    """A line gone, doubled, moved, indented, cut off or put in."""
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    kind = chance.randrange(6)
    if kind == 0:
        del lines[at : at + chance.randint(1, 3)]
    elif kind == 1:
        lines.insert(at, chance.choice(lines))
    elif kind == 2:
        lines[at] = f"    {lines[at]}" if chance.random() < 0.5 else lines[at][4:]
    elif kind == 3 and chance.random() < 0.3:
        lines = lines[:at]
    elif kind == 4:
        lines.insert(at, chance.choice(other.split("\n")))
    else:
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines.insert(at, indent + chance.choice(LINES))
    return "\n".join(lines)


def _other_end(text: str, other: str, chance: Chance) -> str:
    """The head of this file and the tail of another, or both of them whole."""
    if chance.random() < 0.3:
        return text + "\n" + other
    mine, others = text.split("\n"), other.split("\n")
    return "\n".join(mine[: chance.randrange(len(mine))] + others[chance.randrange(len(others)) :])


def _other_bytes(data: bytes, chance: Chance) -> bytes:
    """Bytes put in, changed or cut off; or another encoding."""
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return data[:at] + chance.choice(BYTES) + data[at:]
    if kind == 1:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if kind == 2:
        return data[:at]
    if kind == 3:
        return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n")))
    return data.decode("utf-8", "replace").encode(chance.choice(("utf-8-sig", "utf-16", "latin-1")), "replace")


def _tokens(text: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each token up to the first place that is none."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: list[tuple[int, int, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.string.strip():
                start = starts[token.start[0] - 1] + token.start[1]
                found.append((start, start + len(token.string), token.string))
    except (tokenize.TokenError, SyntaxError, IndexError):
        pass
    return found


TEXT_MUTATIONS: tuple[Callable[[str, str, Chance], str], ...] = (
    _other_tokens,
    _other_tokens,
    _other_number,
    _other_number,
    _other_name,
    _other_tree,
    _other_tree,
    _other_lines,
    _other_lines,
    _other_end,
)

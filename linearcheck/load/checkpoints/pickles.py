"""Reads a pickle without running any of it: what its code would call is written down instead.

A pickle is a program for a small stack machine, and `pickle.load` lets it call any function there is. This machine has no way to call
anything: a global is its name (`Global`), a call is a record of the function's name and its arguments (`Made`), and what would be set on
an object is kept beside it. The state of a checkpoint, tensors with their shapes, can be read off such records.

Source: the instructions and their arguments are those of the standard library's `pickletools`, which decodes and does not run them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from linearcheck.load.checkpoints.errors import CheckpointError

MOST_INSTRUCTIONS = 20_000_000


class Readable(Protocol):
    """What `pickletools` reads from: bytes in memory, or a mapped file."""

    def read(self, n: int, /) -> bytes: ...
    def readline(self) -> bytes: ...
    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Global:
    """A class or function that the pickle names."""

    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A reference to something that is kept outside the pickle: for torch a storage, as `("storage", type, key, location, n)`."""

    reference: Any


@dataclass(eq=False, slots=True)
class Made:
    """What a call would have returned: the function's name and its arguments, and what was put into the object afterwards."""

    function: str
    arguments: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    appended: list[Any] = field(default_factory=list)


class _Mark:
    """The bottom of a stretch of the stack."""


_MARK = _Mark()


def read_pickle(stream: Readable) -> Any:
    """The object that one pickle describes, made of plain values, `Global`, `Stored` and `Made`. The stream is left behind it.

    Raises:
        CheckpointError: If it is cut off or is no pickle.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
            if count > MOST_INSTRUCTIONS:
                raise CheckpointError("holds more objects than a checkpoint can have")
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        raise CheckpointError("is damaged or cut off: the description of its tensors ends or breaks in the middle") from error
    raise CheckpointError("is cut off: the description of its tensors has no end")


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _NUMBERS_AND_TEXTS:
            self.stack.append(argument)
        else:
            _STEPS[name](self, argument)

    def since_mark(self) -> list[Any]:
        """Takes what lies above the last mark, and the mark."""
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise IndexError("no mark")

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError("stack is empty")
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return items


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[argument if argument is not None else len(machine.memo)] = machine.stack[-1]


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[argument])


def _global(machine: _Machine, argument: Any) -> None:
    machine.stack.append(Global(str(argument).replace(" ", ".", 1)))


def _stack_global(machine: _Machine, argument: Any) -> None:
    module, name = machine.take(2)
    machine.stack.append(Global(f"{module}.{name}"))


def _reduce(machine: _Machine, argument: Any) -> None:
    function, arguments = machine.take(2)
    machine.stack.append(_made(function, arguments))


def _new_object(machine: _Machine, argument: Any) -> None:
    kind, arguments = machine.take(2)
    machine.stack.append(_made(kind, arguments))


def _new_object_with_keywords(machine: _Machine, argument: Any) -> None:
    kind, arguments, _ = machine.take(3)
    machine.stack.append(_made(kind, arguments))


def _old_object(machine: _Machine, argument: Any) -> None:
    kind, *arguments = machine.since_mark()
    machine.stack.append(_made(kind, tuple(arguments)))


def _old_instance(machine: _Machine, argument: Any) -> None:
    machine.stack.append(_made(Global(str(argument).replace(" ", ".", 1)), tuple(machine.since_mark())))


def _made(function: Any, arguments: Any) -> Any:
    name = function.name if isinstance(function, Global) else "?"
    given = arguments if isinstance(arguments, tuple) else ()
    if name == "collections.OrderedDict":
        pairs = given[0] if given and isinstance(given[0], list) else []
        return {pair[0]: pair[1] for pair in pairs if isinstance(pair, (list, tuple)) and len(pair) == 2 and _is_key(pair[0])}
    if name == "torch.Size" and len(given) == 1:
        return tuple(given[0])
    return Made(name, given)


def _build(machine: _Machine, argument: Any) -> None:
    (state,) = machine.take(1)
    if isinstance(machine.stack[-1], Made):
        machine.stack[-1].state = state


def _set_items(machine: _Machine, pairs: list[Any]) -> None:
    holder = machine.stack[-1]
    items = holder.items if isinstance(holder, Made) else holder if isinstance(holder, dict) else {}
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if _is_key(key):
            items[key] = value


def _append(machine: _Machine, items: list[Any]) -> None:
    holder = machine.stack[-1]
    if isinstance(holder, (list, Made)):
        (holder.appended if isinstance(holder, Made) else holder).extend(items)


def _is_key(key: Any) -> bool:
    """Texts and numbers: what else a dictionary may be keyed by is no name of a tensor, and need not have a hash."""
    return isinstance(key, (str, int, float, bytes, bool, type(None)))


def _pairs_to_dict(items: list[Any]) -> dict[Any, Any]:
    return {key: value for key, value in zip(items[::2], items[1::2], strict=True) if _is_key(key)}


def _push(value: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(value())


def _from_mark(make: Callable[[list[Any]], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(make(machine.since_mark()))


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(machine.take(count))


def _pop(machine: _Machine, argument: Any) -> None:
    machine.take(1)


def _pop_mark(machine: _Machine, argument: Any) -> None:
    machine.since_mark()


def _nothing(machine: _Machine, argument: Any) -> None:
    return


_NUMBERS_AND_TEXTS = frozenset((
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
))  # fmt: skip

_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _nothing,
    "FRAME": _nothing,
    "READONLY_BUFFER": _nothing,
    "NEXT_BUFFER": _push(lambda: None),
    "NONE": _push(lambda: None),
    "NEWTRUE": _push(lambda: True),
    "NEWFALSE": _push(lambda: False),
    "MARK": _push(lambda: _MARK),
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, argument: machine.stack.append(machine.stack[-1]),
    "EMPTY_LIST": _push(list),
    "EMPTY_TUPLE": _push(tuple),
    "EMPTY_DICT": _push(dict),
    "EMPTY_SET": _push(lambda: Made("builtins.set", ())),
    "ADDITEMS": lambda machine, argument: _append(machine, machine.since_mark()),
    "FROZENSET": _from_mark(lambda items: Made("builtins.frozenset", tuple(items))),
    "LIST": _from_mark(list),
    "TUPLE": _from_mark(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "DICT": _from_mark(_pairs_to_dict),
    "SETITEM": lambda machine, argument: _set_items(machine, list(machine.take(2))),
    "SETITEMS": lambda machine, argument: _set_items(machine, machine.since_mark()),
    "APPEND": lambda machine, argument: _append(machine, list(machine.take(1))),
    "APPENDS": lambda machine, argument: _append(machine, machine.since_mark()),
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "GET": _get,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "EXT1": _push(lambda: Global("?")),
    "EXT2": _push(lambda: Global("?")),
    "EXT4": _push(lambda: Global("?")),
    "REDUCE": _reduce,
    "BUILD": _build,
    "INST": _old_instance,
    "OBJ": _old_object,
    "NEWOBJ": _new_object,
    "NEWOBJ_EX": _new_object_with_keywords,
    "PERSID": lambda machine, argument: machine.stack.append(Stored(argument)),
    "BINPERSID": lambda machine, argument: machine.stack.append(Stored(machine.take(1)[0])),
}

"""Tensors that a place in the source has names for, and repairs of a written batch size with them."""

from __future__ import annotations

import ast

from linearcheck.findings import Proposal, ReplaceSource, Safety
from linearcheck.rules.layers import RECURRENT, operation
from linearcheck.rules.observations import operand_nodes, receiver_of
from linearcheck.rules.source import call_at, function_at, node_text, span_of, tree_of
from linearcheck.rules.wording import on_line, quoted
from linearcheck.sizes import Size, is_batch
from linearcheck.trace.records import Call, Span, TensorInfo, Trace

LIKE = frozenset({"randn", "rand", "zeros", "ones", "empty", "full"})


def factory_proposals(trace: Trace, factory: Call, user: Call, ran: tuple[int, ...]) -> list[Proposal]:
    """For `torch.randn(64, z)`: `torch.randn_like(std)` where a tensor of the same shape is at hand, and `torch.randn(std.size(0), z)`.

    Args:
        factory: The call that makes a tensor from written sizes.
        user: The call that needs the batch to agree.
        ran: The batch sizes that the model runs with.
    """
    node, site, made = call_at(trace, factory.site), factory.site, factory.output
    if node is None or site is None or made is None:
        return []
    names = names_at_hand(trace, site)
    found = []
    twin = next((name for name, tensor in names.items() if tensor.rank == made.rank and _is_batch_of(tensor, made)), None)
    if twin is not None and factory.name in LIKE - {"full"} and not any(keyword.arg == "generator" for keyword in node.keywords):
        function = node_text(trace, site.path, node.func)
        text = f"{function.removesuffix(factory.name)}{factory.name}_like({twin})"
        found.append(
            Proposal(
                "other",
                f"make it like {quoted(twin)}{on_line(site)}",
                Safety.UNSAFE,
                (ReplaceSource(span_of(trace, site.path, node), text),),
            )
        )
    axis = _batch_axis(made, user, ran)
    sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple | ast.List) else node.args
    written = sizes[axis] if axis is not None and len(sizes) == made.rank else None
    if isinstance(written, ast.Name):
        found += given_to_helper(trace, site, written.id)
    batched = next(((name, place) for name, tensor in names.items() for place, size in enumerate(tensor.sizes) if is_batch(size)), None)
    if axis is not None and batched is not None and len(sizes) == made.rank and not any(isinstance(size, ast.Starred) for size in sizes):
        text = f"{batched[0]}.size({batched[1]})"
        span = span_of(trace, site.path, sizes[axis])
        found.append(
            Proposal("other", f"take the batch size from {quoted(batched[0])}{on_line(site)}", Safety.UNSAFE, (ReplaceSource(span, text),))
        )
    return found


def given_to_helper(trace: Trace, site: Span, name: str, wanted: Size | None = None) -> list[Proposal]:
    """For `zeros(n, 10)` in a helper that is called with a number for `n`: a size of a tensor at hand where the helper is called.

    Args:
        wanted: The size that is meant; the batch where it is None.
    """
    function, tree = function_at(trace, site), tree_of(trace, site.path)
    if function is None or tree is None:
        return []
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args) if argument.arg not in ("self", "cls")]
    if name not in names:
        return []
    place, found = names.index(name), []
    for call in ast.walk(tree):
        called = call.func if isinstance(call, ast.Call) else None
        if not isinstance(call, ast.Call) or getattr(called, "attr", getattr(called, "id", "")) != function.name:
            continue
        given = next((k.value for k in call.keywords if k.arg == name), call.args[place] if place < len(call.args) else None)
        at_hand = names_at_hand(trace, span_of(trace, site.path, call))
        fitting = ((text, axis) for text, tensor in at_hand.items() for axis, size in enumerate(tensor.sizes) if _is_meant(size, wanted))
        place_at_hand = next(fitting, None)
        if given is not None and not isinstance(given, ast.Starred) and place_at_hand is not None:
            written = f"{place_at_hand[0]}.size({place_at_hand[1]})"
            title = f"give `{function.name}` {quoted(written)} on line {call.lineno}"
            found.append(Proposal("other", title, Safety.UNSAFE, (ReplaceSource(span_of(trace, site.path, given), written),)))
    return found


def _is_meant(size: Size, wanted: Size | None) -> bool:
    return is_batch(size) if wanted is None else size == wanted


def _is_batch_of(tensor: TensorInfo, made: TensorInfo) -> bool:
    return is_batch(tensor.sizes[0]) and tensor.sizes[1:] == made.sizes[1:] and tensor.dtype == made.dtype


def _batch_axis(made: TensorInfo, user: Call, ran: tuple[int, ...]) -> int | None:
    """The axis of a made tensor that stands for the batch: the second one of a hidden state, else the first that has the size."""
    fitting = [axis for axis, size in enumerate(made.shape) if size in ran]
    if operation(user) in RECURRENT and 1 in fitting and made.rank == 3:
        return 1
    return fitting[0] if fitting else None


def names_at_hand(trace: Trace, site: Span) -> dict[str, TensorInfo]:
    """Names of the function around a place that hold tensors there, nearest first, as far as other calls in it show what they are."""
    function = function_at(trace, site)
    if function is None:
        return {}
    parameters = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    assigned = _assigned_lines(function)
    found: dict[str, tuple[int, TensorInfo]] = {}
    for call in trace.calls:
        if call.site is None or call.site.path != site.path or not function.lineno <= call.site.line <= (function.end_lineno or site.line):
            continue
        for name, tensor in _named_operands(trace, call):
            lines = assigned.get(name, [])
            known = (name in parameters and not lines) or (len(lines) == 1 and lines[0] < site.line and name not in parameters)
            if known and any(is_batch(size) for size in tensor.sizes):
                found.setdefault(name, (lines[0] if lines else 0, tensor))
    return {name: tensor for name, (_, tensor) in sorted(found.items(), key=lambda entry: -entry[1][0])}


def _named_operands(trace: Trace, call: Call) -> list[tuple[str, TensorInfo]]:
    """Plain names among the operands of a call, with their tensors."""
    nodes: list[ast.expr] = list(operand_nodes(trace, call))
    if not nodes:
        received = receiver_of(trace, call)
        nodes = [received[1], *received[2]] if received is not None else []
    tensors = [tensor for tensor in call.tensors if tensor.role not in ("parameter", "buffer")]
    named = [node for node in nodes if not isinstance(node, ast.Constant)]
    if call.kind == "module":
        node = call_at(trace, call.site)
        named = list(node.args) if node is not None else []
    return (
        [(node.id, tensor) for node, tensor in zip(named, tensors, strict=False) if isinstance(node, ast.Name)]
        if len(named) >= len(tensors)
        else []
    )


def _assigned_lines(function: ast.FunctionDef) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lines.setdefault(node.id, []).append(node.lineno)
    return lines

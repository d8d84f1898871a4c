"""Whether the file hands the batches of its loader to the model as they are: `for images, labels in loader: net(images.to(device))`.

Then a model whose first layer takes something else is wrong, and no other input is to be guessed for it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from linearcheck.load.dataset_evidence import SampleEvidence, dataset_samples
from linearcheck.load.evidence import model_holders
from linearcheck.load.names import FunctionNode
from linearcheck.load.records import LoadedModel
from linearcheck.load.scopes import calls_in, places_in
from linearcheck.load.spaces import Space

_LOADER = re.compile(r"load|dl\b|data|train|test|val")
_SAME_SHAPE = {"to", "cuda", "cpu", "float", "double", "half", "type", "requires_grad_", "contiguous", "clone", "detach", "div", "div_"}
_STEPS = {"training_step", "validation_step", "test_step", "_step", "step", "_shared_step", "shared_step"}


def fed_sample(loaded: LoadedModel, module: Any) -> SampleEvidence | None:
    """One sample as the file's loop passes it to the model, or None where that is not certain."""
    space: Space = loaded.program.main().space
    shapes = {evidence.shape: evidence for evidence in dataset_samples(space)}
    if len(shapes) != 1 or None in next(iter(shapes)) or not _samples_are_the_data_sets(space):
        return None
    holders = model_holders(loaded, module)
    passed = [is_clean for scope in _scopes(space) for is_clean in _passed(scope, holders, type(module).__name__)]
    return next(iter(shapes.values())) if passed and all(passed) else None


def _samples_are_the_data_sets(space: Space) -> bool:
    """No data set class, collation or transform of the file's own may change what is loaded."""
    for place in places_in(space):
        if isinstance(place.node, ast.ClassDef) and any(ast.unparse(base).endswith(("Dataset", "DataModule")) for base in place.node.bases):
            return False
    defined = {place.node.name for place in places_in(space) if isinstance(place.node, ast.FunctionDef | ast.ClassDef)}
    for place in calls_in(space):
        call = place.node
        if not isinstance(call, ast.Call):
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if "collate_fn" in given or not _is_of_torchvision(space, given.get("transform"), defined):
            return False
        if (space.imports.dotted(call.func) or "").endswith("Compose"):
            steps = call.args[0].elts if call.args and isinstance(call.args[0], ast.List | ast.Tuple) else [None]
            if any(step is None or not isinstance(step, ast.Call) or not _is_of_torchvision(space, step, defined) for step in steps):
                return False
    return True


def _is_of_torchvision(space: Space, transform: ast.expr | None, defined: set[str]) -> bool:
    """Whether a transform is one that is known, or a name for one that is looked at where it is composed."""
    if isinstance(transform, ast.Call):
        name = space.imports.dotted(transform.func) or ""
        return name.startswith("torchvision.") and not name.endswith("Lambda")
    return transform is None or (not isinstance(transform, ast.Lambda) and ast.unparse(transform) not in defined)


def _scopes(space: Space) -> Iterator[tuple[FunctionNode | None, str, list[ast.stmt]]]:
    """Bodies in which names have one meaning: the module's, then each function's with the class that it is in."""
    yield None, "", [leaf.node for leaf in space.body.leaves if isinstance(leaf.node, ast.stmt)]
    for place in places_in(space):
        if isinstance(place.node, ast.FunctionDef | ast.AsyncFunctionDef):
            owner = place.around[-1].name if place.around and isinstance(place.around[-1], ast.ClassDef) else ""
            yield place.node, owner, place.node.body


def _passed(scope: tuple[FunctionNode | None, str, list[ast.stmt]], holders: frozenset[str], model: str) -> Iterator[bool]:
    """For each call of the model with what a loop over a loader yields: whether that is passed unchanged."""
    function, owner, body = scope
    samples, batches = _loop_names(body)
    if function is not None and function.name in _STEPS:
        batches |= {argument.arg for argument in function.args.args if argument.arg == "batch"}
    if not samples and not batches:
        return
    changed: set[str] = set()
    for target, value in _assignments(body):
        source = _unchanged(value)
        if source in batches and isinstance(target, ast.Tuple | ast.List) and target.elts and isinstance(target.elts[0], ast.Name):
            samples.add(target.elts[0].id)
        elif isinstance(target, ast.Name) and source in samples:
            samples.add(target.id)
        elif isinstance(target, ast.Name) and _names(value) & samples:
            changed.add(target.id)
    for node in _nodes(body):
        if (
            isinstance(node, ast.Call)
            and node.args
            and _calls_model(node, holders, owner == model)
            and _names(node.args[0]) & (samples | changed)
        ):
            name = _unchanged(node.args[0])
            yield name in samples and name not in changed


def _loop_names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """Names of samples, as in `for i, (images, labels) in enumerate(loader)`, and of whole batches, as in `for data in loader`."""
    samples, batches = set(), set()
    for node in _nodes(body):
        if not isinstance(node, ast.For) or not _LOADER.search(ast.unparse(node.iter).lower()):
            continue
        target = node.target
        if isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func).endswith("enumerate") and isinstance(target, ast.Tuple):
            target = target.elts[-1]
        if isinstance(target, ast.Name):
            batches.add(target.id)
        elif isinstance(target, ast.Tuple | ast.List) and target.elts and isinstance(target.elts[0], ast.Name):
            samples.add(target.elts[0].id)
    return samples, batches


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in _nodes(body):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and len(target.elts) == len(node.value.elts):
                    yield from zip(target.elts, node.value.elts, strict=True)
                else:
                    yield target, node.value


def _nodes(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a body in order, those of functions and classes inside it apart."""
    for statement in body:
        stack: list[ast.AST] = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                continue
            yield node
            stack += reversed(list(ast.iter_child_nodes(node)))


def _unchanged(value: ast.expr) -> str | None:
    """The name whose shape an expression has: `images` of `Variable(images.to(device))`."""
    while True:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME_SHAPE:
            value = value.func.value
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Variable" and value.args:
            value = value.args[0]
        else:
            return value.id if isinstance(value, ast.Name) else None


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _calls_model(call: ast.Call, holders: frozenset[str], in_model: bool) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "forward":
        function = function.value
    if isinstance(function, ast.Name):
        return function.id in holders or (in_model and function.id == "self")
    return isinstance(function, ast.Attribute) and ast.unparse(function) in holders

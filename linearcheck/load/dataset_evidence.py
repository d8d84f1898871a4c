"""Which data sets the file loads, and the size of one of their samples after the file's transforms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from linearcheck.load.datasets import HUB_NAMES, IMAGES, TABLES, Sample, transformed
from linearcheck.load.scopes import Place, calls_in, places_in, value_at
from linearcheck.load.signals import OutsideEffect, Unavailable
from linearcheck.load.spaces import Space

_CHANNELS_FIRST = (1, 3, 4)
_FOLDERS = ("ImageFolder",)
"""Data sets whose second argument is the transform."""


@dataclass(frozen=True, slots=True)
class SampleEvidence:
    """The shape of one sample, without the batch; None for a size that nothing tells."""

    shape: tuple[int | None, ...]
    why: str


def dataset_samples(space: Space) -> list[SampleEvidence]:
    """Samples of the data sets that a file names, the most certain first, then arrays that it reshapes to `(-1, C, H, W)`."""
    found: list[SampleEvidence] = []
    for place in calls_in(space):
        call = place.node
        assert isinstance(call, ast.Call)
        dotted = space.imports.dotted(call.func) or ""
        name = dotted.rsplit(".", 1)[-1]
        sample = _sample_of(place, call, name, dotted)
        if sample is None:
            continue
        if sample.features is None:
            sample = _after_transforms(space, place, call, sample)
        shown = ".".join(dotted.split(".")[-2:]) if dotted.startswith("torchvision.") else name
        found.append(SampleEvidence(sample.shape, f"{shown} at line {place.line}"))
    found += _reshaped_arrays(space)
    if not found:
        found += _own_files(space)
    found.sort(key=lambda evidence: sum(size is None for size in evidence.shape))
    return list({evidence.shape: evidence for evidence in reversed(found)}.values())[::-1]


def _own_files(space: Space) -> Iterator[SampleEvidence]:
    """Images of a data set class of the file's own, by the one size that its transforms bring them to."""
    if not any(
        isinstance(p.node, ast.ClassDef) and any(ast.unparse(b).endswith("Dataset") for b in p.node.bases) for p in places_in(space)
    ):
        return
    sizes: dict[tuple[int | None, int | None], int] = {}
    for place in calls_in(space):
        if _is_compose(place) and isinstance(place.node, ast.Call):
            sample = Sample()
            for name, values in _steps(space, place):
                sample = transformed(sample, name, values)
            if None not in sample.size:
                sizes.setdefault(sample.size, place.line)
    if len(sizes) == 1:
        (size, line), *_ = sizes.items()
        yield SampleEvidence((None, *size), f"the transforms at line {line}")


def _sample_of(place: Place, call: ast.Call, name: str, dotted: str) -> Sample | None:
    if name in IMAGES and (dotted.startswith(("torchvision.", "datasets.", "dsets.")) or "." not in dotted or "datasets" in dotted):
        return IMAGES[name]
    if name in TABLES and "sklearn" in dotted:
        return TABLES[name]
    if name in ("load_dataset", "fetch_openml") and call.args and isinstance(call.args[0], ast.Constant):
        if call.args[0].value in ("mnist_784", "Fashion-MNIST"):
            return Sample(features=784)
        return HUB_NAMES.get(str(call.args[0].value).lower())
    return None


def _after_transforms(space: Space, place: Place, call: ast.Call, sample: Sample) -> Sample:
    for name, values in _transforms(space, place, call):
        if name == "flatten":
            known = [size for size in sample.shape if size is not None]
            if len(known) == len(sample.shape):
                product = 1
                for size in known:
                    product *= size
                return Sample(features=product)
        sample = transformed(sample, name, values)
    return sample


def _transforms(space: Space, place: Place, call: ast.Call) -> Iterator[tuple[str, tuple[object, ...]]]:
    """The data set's transforms in order, with their values; of `Compose([...])` under a name, in the call, or anywhere in the file."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg in ("transform", "transforms")), None)
    if given is None and len(call.args) > 1 and (space.imports.dotted(call.func) or "").endswith(_FOLDERS):
        given = call.args[1]
    compose = _compose_of(space, place, given) if given is not None else None
    if compose is None:
        composes = [p for p in calls_in(space) if _is_compose(p)]
        compose = composes[0] if composes and (given is not None or len(composes) == 1) else None
    if compose is None:
        return
    yield from _steps(space, compose)


def _steps(space: Space, compose: Place) -> Iterator[tuple[str, tuple[object, ...]]]:
    node = compose.node
    assert isinstance(node, ast.Call)
    steps = node.args[0].elts if node.args and isinstance(node.args[0], ast.List | ast.Tuple) else [node]
    for step in steps:
        if isinstance(step, ast.Call):
            dotted = space.imports.dotted(step.func) or ""
            name = dotted.rsplit(".", 1)[-1]
            if name == "Lambda" and step.args:
                yield from _lambda_effect(step.args[0])
                continue
            yield name, tuple(value for value in _arguments(compose, step, dotted) if value is not None)


def _arguments(compose: Place, step: ast.Call, dotted: str) -> list[object]:
    """What says the size. Of torchvision that is one argument (`RandomCrop(32, 4)` pads by 4), of albumentations it may be two."""
    values = [_value(compose, argument) for argument in step.args]
    if not dotted.startswith("albumentations"):
        values = values[:1]
    named = {keyword.arg: keyword.value for keyword in step.keywords}
    wanted: tuple[str, ...] = ("height", "width") if values else ("size", "height", "width", "num_output_channels")
    if dotted.endswith(".Pad") and not values:
        wanted = ("padding",)
    return values + [_value(compose, named[name]) for name in wanted if name in named]


def _lambda_effect(function: ast.expr) -> Iterator[tuple[str, tuple[object, ...]]]:
    text = ast.unparse(function)
    if "view(-1)" in text or "flatten(" in text or "reshape(-1)" in text:
        yield "flatten", ()
    elif "repeat(3, 1, 1)" in text or "expand(3" in text:
        yield "Grayscale", (3,)


def _compose_of(space: Space, place: Place, given: ast.expr) -> Place | None:
    if isinstance(given, ast.Call):
        return Place(space, given, place.around, place.statement, place.main)
    if isinstance(given, ast.Subscript):  # data_transforms["train"]
        given = given.value
    name = given.id if isinstance(given, ast.Name) else given.attr if isinstance(given, ast.Attribute) else None
    for other in places_in(space):
        if isinstance(other.node, ast.Assign) and name is not None and any(_targets(target, name) for target in other.node.targets):
            value = other.node.value
            if isinstance(value, ast.Dict) and value.values:
                value = value.values[0]
            if isinstance(value, ast.Call):
                return Place(space, value, other.around, other.statement, other.main)
    return None


def _targets(target: ast.expr, name: str) -> bool:
    return (isinstance(target, ast.Name) and target.id == name) or (isinstance(target, ast.Attribute) and target.attr == name)


def _is_compose(place: Place) -> bool:
    return (place.space.imports.dotted(place.node.func) or "").endswith("Compose") if isinstance(place.node, ast.Call) else False


def _reshaped_arrays(space: Space) -> Iterator[SampleEvidence]:
    """`df.values.reshape(-1, 1, 28, 28)` outside the models: what a data set makes of its rows."""
    for place in calls_in(space):
        call = place.node
        assert isinstance(call, ast.Call)
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("reshape", "view") or _in_a_model(place):
            continue
        arguments = call.args[0].elts if len(call.args) == 1 and isinstance(call.args[0], ast.Tuple | ast.List) else call.args
        if len(arguments) not in (3, 4) or _value(place, arguments[0]) != -1:
            continue
        sizes = [_value(place, argument) for argument in arguments[1:]]
        if all(isinstance(size, int) and size > 0 for size in sizes) and (len(sizes) < 3 or sizes[0] in _CHANNELS_FIRST):
            shape = tuple(size for size in sizes if isinstance(size, int))
            yield SampleEvidence(shape, f"{call.func.attr}(-1, {', '.join(map(str, shape))}) at line {place.line}")


def _in_a_model(place: Place) -> bool:
    return any(isinstance(d, ast.FunctionDef) and d.name == "forward" for d in place.around)


def _value(place: Place, expression: ast.expr) -> object:
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.USub) and isinstance(expression.operand, ast.Constant):
        return -expression.operand.value if isinstance(expression.operand.value, int) else None
    if any(isinstance(part, ast.Call) for part in ast.walk(expression)):
        return None
    try:
        return value_at(place, expression)
    except (Exception, Unavailable, OutsideEffect):
        return None

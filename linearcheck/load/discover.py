"""Which models of a file are to be checked, found in its syntax tree: nothing of the file runs for this."""

from __future__ import annotations

import ast
import difflib
from dataclasses import replace

from linearcheck.job import CheckJob
from linearcheck.load.classes import ModelClass, ModuleFile, parts_of_others
from linearcheck.load.effects import absolute_module
from linearcheck.load.names import FunctionNode, bound_names
from linearcheck.load.project import open_project
from linearcheck.load.records import LoadError

_WRAPPERS = frozenset(
    [
        "torch.nn.DataParallel",
        "torch.nn.parallel.DataParallel",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.compile",
        "torch.jit.script",
    ]
)
_MODEL_FUNCTIONS = ("torchvision.models.", "timm.create_model", "timm.models.", "torchvision.models.get_model", "transformers.AutoModel")


def discover_models(job: CheckJob) -> list[CheckJob]:
    """One job for each model of the job's file; the job alone where it names one. Empty where the file defines no model.

    Every `nn.Module` class is a model that no other model of the file constructs, all of them if that leaves none, but for losses
    beside other models; where the file has no such class, module-level instances (`model = nn.Sequential(...)`), then functions
    without required arguments that return a module.

    Raises:
        LoadError: LC901, if the file cannot be read or parsed, or does not define the name.
    """
    project = open_project(job.target, job.overlay, job.working_directory)
    file = ModuleFile(project, project.target, project.module_name)
    _ = file.tree  # a syntax error is told even where the name is given
    if job.target.name is not None:
        _check_name(file, job.target.name)
        return [job]
    names = model_names(file)
    return [replace(job, target=replace(job.target, name=name)) for name in names]


def model_names(file: ModuleFile) -> list[str]:
    """Names of the models of a file, in the order in which they stand in it."""
    candidates = [model for model in file.models.values() if _is_model(model, file)]
    if candidates:
        parts = parts_of_others(file)
        whole = [model for model in candidates if model.name not in parts] or candidates
        without_losses = [model for model in whole if not _is_loss(model, file)]
        return [model.name for model in without_losses or whole]
    return _instances(file) or _factories(file)


def _is_model(model: ModelClass, file: ModuleFile) -> bool:
    """Not a base that says only what its subclasses have."""
    is_base = any(model.name in other.bases for other in file.models.values() if other is not model)
    if model.is_abstract and (is_base or not model.has_forward):
        return False
    return model.has_forward or not (
        is_base or model.torch_base.startswith("torch.nn.Module (") or "List" in model.torch_base or "Dict" in model.torch_base
    )


def _is_loss(model: ModelClass, file: ModuleFile) -> bool:
    """A criterion beside the models of a file: called so, and without a layer or weight of its own."""
    if not (model.name.endswith(("Loss", "Criterion", "loss")) or model.torch_base.endswith("Loss")):
        return False
    built = [file.imports.dotted(node.func) or "" for node in ast.walk(model.node) if isinstance(node, ast.Call)]
    holds = any(name in file.models or (name.startswith("torch.nn.") and _is_layer(name.rpartition(".")[2])) for name in built)
    return not holds


def _is_layer(name: str) -> bool:
    return name[:1].isupper() and not name.endswith("Loss")


def _check_name(file: ModuleFile, name: str) -> None:
    nodes = [*file.statements, *file.main_statements]
    names = {bound for node in nodes for bound in bound_names(node)}
    if name in names or name in file.imports.bindings:
        return
    hides_names = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes)
    hides_names = hides_names or any(isinstance(p, ast.Name) and p.id in ("exec", "globals", "__getattr__") for p in ast.walk(file.tree))
    if hides_names or "__getattr__" in names:
        return
    shown = file.project.shown(file.path)
    models = list(file.models)
    nearest = difflib.get_close_matches(name, [*models, *sorted(names)], 1, cutoff=0.5)
    if nearest:
        advice = f"the nearest is `{nearest[0]}`"
    else:
        advice = f"its models are {', '.join(f'`{m}`' for m in models)}" if models else "it defines no model"
    raise LoadError("LC901", f"`{shown}` defines no `{name}`; {advice}", str(file.path))


def _instances(file: ModuleFile) -> list[str]:
    """Module-level names whose last value is a module that was built there, the parts of other such modules left out."""
    found: dict[str, ast.expr] = {}
    for node in [*file.statements, *file.main_statements]:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if value is not None and len(targets) == 1 and isinstance(targets[0], ast.Name) and _builds_module(value, file):
            found.setdefault(targets[0].id, value)
    used = {n.id for value in found.values() for n in ast.walk(value) if isinstance(n, ast.Name)}
    return [name for name in found if name not in used] or list(found)


def _builds_module(value: ast.expr, file: ModuleFile) -> bool:
    node = peel(value, file)
    if not isinstance(node, ast.Call):
        return False
    return _call_builds(node, file, 0)


def peel(value: ast.expr, file: ModuleFile) -> ast.expr:
    """The expression that builds the module, without what is put around it: `.cuda()`, `.to(...)`, `nn.DataParallel(...)`."""
    while isinstance(value, ast.Call):
        if isinstance(value.func, ast.Attribute) and value.func.attr in ("cuda", "to", "cpu", "eval", "train", "float", "double", "half"):
            value = value.func.value
        elif file.imports.dotted(value.func) in _WRAPPERS and value.args:
            value = value.args[0]
        else:
            break
    return value


def _factories(file: ModuleFile) -> list[str]:
    found = [name for name, function in file.functions.items() if not required_parameters(function) and returns_module(function, file)]
    called = {
        n.func.id for name in found for n in ast.walk(file.functions[name]) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    return [name for name in found if name not in called] or found


def required_parameters(function: FunctionNode) -> list[str]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    required += [a for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is None]
    return [argument.arg for argument in required]


def returns_module(function: FunctionNode, file: ModuleFile, depth: int = 0) -> bool:
    """Whether a function returns what it built of `torch.nn`, of the project's models or with another such function."""
    if depth > 4:
        return False
    held: dict[str, ast.expr] = {}
    for part in ast.walk(function):
        if isinstance(part, ast.Assign) and len(part.targets) == 1 and isinstance(part.targets[0], ast.Name):
            held.setdefault(part.targets[0].id, part.value)
    for part in ast.walk(function):
        if isinstance(part, ast.Return) and part.value is not None:
            value = peel(part.value, file)
            if isinstance(value, ast.Name):
                value = peel(held.get(value.id, value), file)
            if isinstance(value, ast.Call) and (_call_builds(value, file, depth) or _is_of_class_in(value, function, file)):
                return True
    return False


def _is_of_class_in(call: ast.Call, function: FunctionNode, file: ModuleFile) -> bool:
    """Whether a call makes a module of a class that is defined inside the function."""
    return isinstance(call.func, ast.Name) and any(
        isinstance(part, ast.ClassDef)
        and part.name == call.func.id
        and any((file.imports.dotted(base) or "").startswith("torch.nn.") for base in part.bases)
        for part in ast.walk(function)
    )


def _call_builds(call: ast.Call, file: ModuleFile, depth: int) -> bool:
    dotted = file.imports.dotted(call.func) or ""
    last = dotted.rsplit(".", 1)[-1]
    if dotted.startswith("torch.nn.") and last[:1].isupper() and "Loss" not in last:
        return not dotted.startswith("torch.nn.Parameter")
    if dotted.startswith(_MODEL_FUNCTIONS):
        return True
    if isinstance(call.func, ast.Name):
        if call.func.id in file.models:
            return True
        if (function := file.functions.get(call.func.id)) is not None:
            return returns_module(function, file, depth + 1)
        if file.imports.dotted(call.func) == call.func.id:
            return _is_built_by_star(call.func.id, file, depth)
    module, _, name = dotted.rpartition(".")
    other = file.other(module) if module else None
    return other is not None and (
        name in other.models or (name in other.functions and returns_module(other.functions[name], other, depth + 1))
    )


def _is_built_by_star(name: str, file: ModuleFile, depth: int) -> bool:
    """Whether a name that `from layers import *` brings is a model, or a function that builds one."""
    if depth > 4:
        return False
    for node in file.statements:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            other = file.other(absolute_module(node, file.package))
            if other is None:
                continue
            function = other.functions.get(name)
            if name in other.models or (function is not None and returns_module(function, other, depth + 1)):
                return True
            if _is_built_by_star(name, other, depth + 1):
                return True
    return False

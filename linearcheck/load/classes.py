"""Which classes of a file are models, and which models are parts of others, from the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from linearcheck.load.effects import Imports, absolute_module, read_imports
from linearcheck.load.names import FunctionNode, Summary, bound_names, function_summaries, local_names, root_name
from linearcheck.load.project import Project
from linearcheck.load.records import LoadError
from linearcheck.load.slicing import main_guard

_MODULE_BASE_NAMES = frozenset(
    [
        "Module",
        "LightningModule",
        "PreTrainedModel",
        "ModelMixin",
        "BaseModule",
        "MessagePassing",
        "FairseqEncoder",
        "FairseqDecoder",
        "BaseFairseqModel",
    ]
)
_CONTAINERS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList", "torch.nn.ParameterDict"})
_NOT_MODULES = ("torch.nn.Parameter", "torch.nn.Buffer", "torch.nn.utils.", "torch.nn.init.", "torch.nn.functional.", "torch.nn.parallel.")


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of a file that is an `nn.Module`. `bases` are those of the project, `torch_base` the torch class it comes from."""

    name: str
    node: ast.ClassDef
    torch_base: str
    bases: tuple[str, ...] = ()
    has_forward: bool = True
    is_abstract: bool = False


@dataclass
class ModuleFile:
    """What discovery needs to know of one file of the project."""

    project: Project
    path: Path
    name: str
    seen: frozenset[Path] = frozenset()
    _origins: dict[str, str | None] = field(default_factory=dict)

    @cached_property
    def tree(self) -> ast.Module:
        return self.project.source(self.path).tree

    @cached_property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> Imports:
        return read_imports(self.tree, self.package)

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """Module-level statements, those under `if`, `try` and `with` too, the main guard left out."""
        return list(_module_level(self.tree.body, main=False))

    @cached_property
    def main_statements(self) -> list[ast.stmt]:
        return [n for n in _module_level(self.tree.body, main=True) if n not in self.statements]

    @cached_property
    def class_nodes(self) -> dict[str, ast.ClassDef]:
        return {node.name: node for node in self.statements if isinstance(node, ast.ClassDef)}

    @cached_property
    def functions(self) -> dict[str, FunctionNode]:
        return {node.name: node for node in self.statements if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        return function_summaries(self.functions)

    @cached_property
    def models(self) -> dict[str, ModelClass]:
        """Every class of the file that is a module, in order."""
        found = {}
        for name, node in self.class_nodes.items():
            if (origin := self.torch_origin(name)) is not None:
                found[name] = self._model(name, node, origin)
        return found

    def torch_origin(self, name: str) -> str | None:
        """The torch class (or other known module class) that a name of this file comes from, through its bases; None for no module."""
        if name in self._origins:
            return self._origins[name]
        self._origins[name] = None  # a class that is its own base, through a loop, is none
        self._origins[name] = self._find_origin(name)
        return self._origins[name]

    def _find_origin(self, name: str) -> str | None:
        node = self.class_nodes.get(name)
        if node is None:
            return self._imported_origin(self.imports.bindings.get(name, name))
        for base in node.bases:
            if isinstance(base, ast.Subscript):  # Generic[...]
                base = base.value
            origin = self.torch_origin(base.id) if isinstance(base, ast.Name) and base.id != name else None
            if origin is None and (dotted := self.imports.dotted(base)) is not None:
                origin = self._imported_origin(dotted)
            if origin is not None:
                return origin
        return None

    def _imported_origin(self, dotted: str) -> str | None:
        if dotted.startswith(("torch.nn.", "torch.jit.")) and not dotted.startswith(_NOT_MODULES):
            last = dotted.rsplit(".", 1)[-1]
            return dotted if last[:1].isupper() else None
        module, _, last = dotted.rpartition(".")
        if not module:
            return self._from_stars(dotted)
        other = self.other(module)
        if other is not None:
            return other.torch_origin(last)
        if last in _MODULE_BASE_NAMES or (dotted.startswith("transformers.") and last.endswith(("Model", "PreTrainedModel"))):
            return f"torch.nn.Module ({dotted})"
        if dotted.startswith(("torchvision.models.", "torchvision.ops.", "timm.models.")) and last[:1].isupper():
            return f"torch.nn.Module ({dotted})"
        return None

    @cached_property
    def _star_imports(self) -> list[ast.ImportFrom]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)]

    def _from_stars(self, name: str) -> str | None:
        for node in self._star_imports:
            module = absolute_module(node, self.package)
            if module in ("torch.nn", "torch.nn.modules") and name == "Module":
                return "torch.nn.Module"
            other = self.other(module)
            if other is not None and (origin := other.torch_origin(name)) is not None:
                return origin
        return None

    def other(self, module: str) -> ModuleFile | None:
        """Another file of the project, by its dotted name; None where it is none, cannot be read, or is being read already."""
        if module.split(".")[0] in ("torch", "numpy"):
            return None
        path = self.project.locate(module) or self.project.locate(module, fallbacks=True)
        if path is None or path.is_dir() or path == self.path or path in self.seen:
            return None
        other = ModuleFile(self.project, path, module, self.seen | {self.path})
        try:
            _ = other.tree
        except LoadError:
            return None
        return other

    def _model(self, name: str, node: ast.ClassDef, origin: str) -> ModelClass:
        forward = _own_forward(node)
        bases = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
        inherits = origin != "torch.nn.Module" and origin not in _CONTAINERS and not origin.endswith(")")
        has_forward = forward is not None or inherits or any(self._base_has_forward(base) for base in bases)
        return ModelClass(name, node, origin, bases, has_forward, any(_is_abstract(method) for method in node.body))

    def _base_has_forward(self, base: str, depth: int = 0) -> bool:
        node = self.class_nodes.get(base)
        if node is not None:
            if _own_forward(node) is not None:
                return True
            return depth < 20 and any(self._base_has_forward(b.id, depth + 1) for b in node.bases if isinstance(b, ast.Name))
        module, _, last = self.imports.bindings.get(base, base).rpartition(".")
        other = self.other(module) if module else None
        if other is not None:
            return other._base_has_forward(last, depth + 1) if depth < 20 else False
        return module != "" and last != "Module" and self.torch_origin(base) is not None


def parts_of_others(file: ModuleFile) -> set[str]:
    """Models that another model of the file constructs, directly or through a name, function, registry or table that holds them."""
    graph = _reference_graph(file)
    models = file.models
    parts: set[str] = set()
    for model in models:
        reached: set[str] = set()
        pending = [name for name in graph.get(model, ()) if name != model]
        while pending:
            name = pending.pop()
            if name in reached:
                continue
            reached.add(name)
            if name != model:
                pending += graph.get(name, ())
        parts |= {name for name in reached if name in models and name != model and not _derives_from(file, model, name)}
    return parts | set(_passed_into_models(file))


def _derives_from(file: ModuleFile, model: str, base: str) -> bool:
    """A subclass that mentions its base (`super(Base, self)`) does not have it as a part."""
    found = file.models.get(model)
    return found is not None and (base in found.bases or any(_derives_from(file, other, base) for other in found.bases if other != model))


def _reference_graph(file: ModuleFile) -> dict[str, set[str]]:
    """For every module-level name, the module-level names that what it holds refers to."""
    names = {name for node in file.statements for name in bound_names(node)}
    graph: dict[str, set[str]] = {name: set() for name in names}

    def refer(name: str, to: set[str]) -> None:
        graph.setdefault(name, set()).update((to & names) - {name})

    for node in file.statements:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            refer(node.name, set(_constructing_names(node)))
            _refer_decorators(file, node, refer)
        else:
            loads = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
            if _is_instance_of_model(file, node) or isinstance(node, ast.For | ast.While):
                continue  # `model = Net()` at module level, which a method then reads as a global, does not make Net a part
            for name in bound_names(node):
                refer(name, loads)
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store) and (root := root_name(part)):
                    refer(root, loads)
                elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and (root := root_name(part.func)) in names:
                    refer(
                        root or "",
                        {
                            a.id
                            for value in [*part.args, *(k.value for k in part.keywords)]
                            for a in ast.walk(value)
                            if isinstance(a, ast.Name)
                        },
                    )
                elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in file.summaries:
                    for changed in file.summaries[part.func.id].changed_globals:
                        refer(changed, loads)
    return graph


def _refer_decorators(file: ModuleFile, node: ast.ClassDef | FunctionNode, refer: object) -> None:
    assert callable(refer)
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(target, ast.Name) and target.id in file.summaries:
            for changed in file.summaries[target.id].changed_globals:
                refer(changed, {node.name})
        elif (root := root_name(target)) is not None:
            refer(root, {node.name})


def _is_instance_of_model(file: ModuleFile, node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Tuple | ast.List) and isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple | ast.List):
        return any(
            _is_instance_of_model(file, ast.Assign(node.targets, item)) for item in value.elts if not isinstance(item, ast.Tuple | ast.List)
        )
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in file.class_nodes


def _constructing_names(node: ast.ClassDef | FunctionNode) -> Iterator[str]:
    """Names that a class or function refers to in code that could construct: not bases, annotations, `super(...)` or `isinstance(...)`."""
    stack: list[ast.AST] = [*node.body]
    local = local_names(node) if not isinstance(node, ast.ClassDef) else set()
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Name):
            if isinstance(part.ctx, ast.Load) and part.id not in local:
                yield part.id
            continue
        if isinstance(part, ast.AnnAssign):
            stack += [part.value] if part.value is not None else []
            continue
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (name for name in _constructing_names(part) if name not in local)
            continue
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("super", "isinstance", "issubclass"):
            continue
        stack += ast.iter_child_nodes(part)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (
            n.id for d in [*node.args.defaults, *node.args.kw_defaults] if d is not None for n in ast.walk(d) if isinstance(n, ast.Name)
        )


def _passed_into_models(file: ModuleFile) -> Iterator[str]:
    """Models that are handed to another model's constructor: `ResNet(BasicBlock, ...)`, `Seq2Seq(Encoder(), Decoder())`."""
    models = file.models
    for scope in ast.walk(file.tree):
        if not isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        held: dict[str, str] = {}
        for part in ast.walk(scope):
            if (
                isinstance(part, ast.Assign)
                and isinstance(part.value, ast.Call)
                and (built := _built_model(part.value, models)) is not None
            ):
                held.update({target.id: built for target in part.targets if isinstance(target, ast.Name)})
        for part in ast.walk(scope):
            if not isinstance(part, ast.Call) or (into := _built_model(part, models)) is None:
                continue
            for value in [*part.args, *(keyword.value for keyword in part.keywords)]:
                for inner in [value, *(value.elts if isinstance(value, ast.List | ast.Tuple) else [])]:
                    name = inner.id if isinstance(inner, ast.Name) else _built_model(inner, models) if isinstance(inner, ast.Call) else None
                    name = held.get(name or "", name)
                    if name in models and name is not None and name != into:
                        yield name


def _built_model(call: ast.Call, models: dict[str, ModelClass]) -> str | None:
    """The model that a call builds, `.cuda()` and `.to(...)` after it left aside."""
    node: ast.expr = call
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in models else None


def _own_forward(node: ast.ClassDef) -> ast.stmt | None:
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in ("forward", "__call__"):
            return part
        if isinstance(part, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "forward" for t in part.targets):
            return part
        if isinstance(part, ast.If | ast.Try):
            inner = [n for n in ast.walk(part) if isinstance(n, ast.FunctionDef) and n.name == "forward"]
            if inner:
                return inner[0]
    return None


def _is_abstract(method: ast.stmt) -> bool:
    """A method that only says that subclasses have one."""
    if not isinstance(method, ast.FunctionDef):
        return False
    if any("abstract" in ast.unparse(decorator) for decorator in method.decorator_list):
        return True
    body = [n for n in method.body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    if not body or isinstance(body[0], ast.Pass):
        return method.name == "forward"
    return isinstance(body[0], ast.Raise) and body[0].exc is not None and "NotImplemented" in ast.unparse(body[0].exc)


def _module_level(nodes: list[ast.stmt], main: bool) -> Iterator[ast.stmt]:
    for node in nodes:
        if isinstance(node, ast.If):
            side = main_guard(node)
            if side is not True or main:
                yield from _module_level(node.body, main)
            if side is not False or main:
                yield from _module_level(node.orelse, main)
        elif isinstance(node, ast.Try | ast.TryStar):
            blocks = [node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody]
            for block in blocks:
                yield from _module_level(block, main)
        elif isinstance(node, ast.With):
            yield from _module_level(node.body, main)
        else:
            yield node

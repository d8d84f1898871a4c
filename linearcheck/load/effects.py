"""What a statement would do to the outside, told from the syntax tree; `guard.py` refuses at run time what this cannot see."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

IRRELEVANT_METHODS = frozenset(
    [
        "train",
        "eval",
        "cuda",
        "cpu",
        "to",
        "half",
        "float",
        "double",
        "bfloat16",
        "load_state_dict",
        "share_memory",
        "zero_grad",
        "parameters",
        "named_parameters",
        "state_dict",
        "summary",
        "fit",
        "fit_one_cycle",
        "evaluate",
        "predict",
        "test",
        "validate",
        "save",
        "save_pretrained",
        "push_to_hub",
        "compile",
        "print_trainable_parameters",
        "requires_grad_",
        "train_model",
        "close",
        "start",
        "join",
        "show",
        "backward",
        "step",
        "write",
        "flush",
        "log",
        "finish",
        "watch",
        "seed",
    ]
)

_ACTING_CALLS = {
    "print": "prints",
    "input": "waits for input",
    "breakpoint": "starts a debugger",
    "exit": "ends the program",
    "quit": "ends the program",
    "sys.exit": "ends the program",
    "os._exit": "ends the program",
    "os.abort": "ends the program",
    "time.sleep": "sleeps",
    "torch.save": "writes a file",
    "torch.onnx.export": "writes a file",
    "torch.hub.load": "uses the network",
    "torch.hub.download_url_to_file": "uses the network",
    "gdown.download": "uses the network",
    "pickle.dump": "writes a file",
    "json.dump": "writes a file",
    "numpy.save": "writes a file",
    "numpy.savez": "writes a file",
    "exec": "",
}
_ACTING_PREFIXES = {
    "subprocess.": "starts a process",
    "multiprocessing.": "starts a process",
    "torch.multiprocessing.": "starts a process",
    "torch.distributed.": "uses the network",
    "socket.": "uses the network",
    "requests.": "uses the network",
    "urllib.request.": "uses the network",
    "httpx.": "uses the network",
    "shutil.": "writes files",
    "matplotlib.": "draws",
    "wandb.": "uses the network",
    "mlflow.": "uses the network",
    "datasets.load_dataset": "uses the network",
    "huggingface_hub.": "uses the network",
}
_OS_CALLS = {
    **dict.fromkeys(
        ("mkdir", "makedirs", "remove", "unlink", "rename", "replace", "rmdir", "removedirs", "symlink", "link"), "writes files"
    ),
    **dict.fromkeys(("system", "popen", "fork", "kill", "execv", "execl", "execvp", "spawnv", "spawnl", "posix_spawn"), "starts a process"),
    "chdir": "changes the working directory",
}
_ACTING_METHODS = {
    **dict.fromkeys(("to_csv", "to_parquet", "to_json", "savefig", "write_text", "write_bytes", "mkdir", "unlink"), "writes a file"),
    **dict.fromkeys(("backward",), "trains"),
}
_SETTINGS = (
    "torch.set_",
    "sys.path.",
    "torch.manual_seed",
    "torch.backends.",
    "torch.use_deterministic_algorithms",
    "warnings.filterwarnings",
)


@dataclass(frozen=True)
class Imports:
    """What the imported names of a file stand for, as dotted names; `is_project` tells modules of the project by their dotted name."""

    bindings: Mapping[str, str] = field(default_factory=dict)
    is_project: Callable[[str], bool] = lambda name: False
    package: str = ""

    def dotted(self, node: ast.AST) -> str | None:
        """The dotted name that an expression such as `nn.init.normal_` stands for (`torch.nn.init.normal_`)."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return ".".join([self.bindings.get(node.id, node.id), *parts])

    def is_from_project(self, name: str) -> bool:
        origin = self.bindings.get(name)
        return origin is not None and self.is_project(origin)


def read_imports(tree: ast.AST, package: str = "", is_project: Callable[[str], bool] = lambda name: False) -> Imports:
    """The import statements of a file, wherever they stand in it."""
    bindings: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bindings[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            module = absolute_module(node, package)
            for alias in node.names:
                if alias.name != "*":
                    bindings[alias.asname or alias.name] = f"{module}.{alias.name}"
    return Imports(bindings, is_project, package)


def absolute_module(node: ast.ImportFrom, package: str) -> str:
    """The module of a `from` import, a relative one made absolute."""
    if not node.level:
        return node.module or ""
    parents = package.split(".") if package else []
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def acts(node: ast.stmt, imports: Imports, functions: Mapping[str, FunctionNode] | None = None) -> str:
    """What a statement does to the outside, in words ("writes a file"); "" for nothing that can be seen."""
    if isinstance(node, ast.While):
        return "loops until something happens (`while`)"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ""
    if isinstance(node, ast.For | ast.AsyncFor) and training_mark(node):
        return "trains"
    is_block = isinstance(node, ast.Try | ast.TryStar | ast.For | ast.With | ast.Match)
    for call in _calls_now(node):
        what = call_effect(call, imports)
        if what and not (is_block and what in ("prints", "draws") and not isinstance(node, ast.With)):
            return what
        if isinstance(call.func, ast.Name) and functions and (function := functions.get(call.func.id)) is not None and _trains(function):
            return "trains"
    return ""


def executed_now(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs when the statement runs: not the bodies of functions and lambdas that it defines."""
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = current.args
            stack += [*current.decorator_list, *arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
        elif isinstance(current, ast.Lambda):
            stack += [*current.args.defaults, *(d for d in current.args.kw_defaults if d is not None)]
        else:
            stack += ast.iter_child_nodes(current)


def _calls_now(node: ast.AST) -> Iterator[ast.Call]:
    return (part for part in executed_now(node) if isinstance(part, ast.Call))


def call_effect(call: ast.Call, imports: Imports) -> str:
    """What one call does to the outside, as far as its name tells."""
    dotted = imports.dotted(call.func)
    if dotted is not None:
        if dotted == "open" or dotted.endswith(".open"):
            return "writes a file" if _opens_for_writing(call) else ""
        if dotted in _ACTING_CALLS:
            return _ACTING_CALLS[dotted]
        for prefix, what in _ACTING_PREFIXES.items():
            if dotted.startswith(prefix):
                return what
        if dotted.startswith("os.") and dotted[3:] in _OS_CALLS:
            return _OS_CALLS[dotted[3:]]
    if isinstance(call.func, ast.Attribute):
        if any(k.arg == "download" and isinstance(k.value, ast.Constant) and k.value.value is True for k in call.keywords):
            return "downloads a data set"
        return _ACTING_METHODS.get(call.func.attr, "")
    return ""


def _opens_for_writing(call: ast.Call) -> bool:
    mode: ast.expr | None = call.args[1] if len(call.args) > 1 else None
    for keyword in call.keywords:
        if keyword.arg == "mode":
            mode = keyword.value
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and any(letter in mode.value for letter in "wax+")


def training_mark(node: ast.AST) -> bool:
    """Whether there is a training step in it: `loss.backward()`, `optimizer.step()`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            if part.func.attr == "backward":
                return True
            if part.func.attr == "step" and isinstance(part.func.value, ast.Name) and not part.args:
                return True
    return False


def _trains(function: FunctionNode) -> bool:
    return training_mark(function)


def is_process_setting(node: ast.stmt, imports: Imports) -> bool:
    """A statement that changes a setting of the process which models depend on, such as `torch.set_default_dtype(...)`."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        dotted = imports.dotted(node.value.func) or ""
        return dotted.startswith(_SETTINGS) and not dotted.startswith("torch.set_num") and dotted != "torch.set_printoptions"
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Subscript):
            return imports.dotted(target.value) == "os.environ"
    return False


def is_standard(name: str) -> bool:
    """Whether a dotted name belongs to Python itself."""
    return name.split(".")[0] in sys.stdlib_module_names

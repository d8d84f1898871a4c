"""Mistakes in model files that leave them Python: other sizes, axes, operators, arguments, layers and statements, most of which reach the
trace, the rules and the repairs.

As in `mutated_files`, each takes a text and a source of chance. All replace the characters of one node of the tree and keep the rest.
"""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Callable
from typing import TypeVar

Chance = random.Random

AXES = ("-3", "-2", "-1", "0", "1", "2", "3", "4", "None", "(0, 1)", "(-1, -2)")
SIMILAR_LAYERS = tuple(
    names.split()
    for names in (
        "Linear LSTM GRU RNN LSTMCell GRUCell Embedding EmbeddingBag RNNCell MultiheadAttention TransformerEncoderLayer GroupNorm",
        "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d Bilinear LSTM Linear MultiheadAttention Unfold MaxPool2d AvgPool2d",
        "BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm InstanceNorm1d InstanceNorm2d RMSNorm SyncBatchNorm LazyLinear Softmax Flatten",
        "MaxPool1d MaxPool2d MaxPool3d AvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool2d LazyLinear ZeroPad2d Unfold "
        "ReflectionPad2d PixelShuffle ChannelShuffle LocalResponseNorm PixelUnshuffle Softmax",
        "ReLU Flatten Identity Sigmoid Softmax Softmax2d LogSoftmax GLU PReLU Dropout2d AlphaDropout Hardtanh ModuleList Sequential",
    )
)
LAYERS = sorted({name for names in SIMILAR_LAYERS for name in names})
METHODS = """
view reshape flatten unsqueeze squeeze permute transpose mean sum max min softmax argmax chunk split unbind expand repeat repeat_interleave
roll flip narrow select index_select gather cumsum prod std var norm tril diag trace contiguous detach clone float long half double bool
int numpy tolist item size dim numel new_zeros type_as masked_fill where topk sort unfold movedim swapaxes unflatten matmul bmm mm add_
T mT H real shape dtype device data grad to cuda cpu view_as reshape_as expand_as sum_to_size to_sparse to_dense fill_ zero_ t nonzero
""".split()
KEYWORDS = """
bias=False batch_first=True batch_first=False bidirectional=True padding='same' padding=1 padding=(1,2) stride=2 stride=(1,2) groups=2
dilation=3 ceil_mode=True return_indices=True affine=False device='meta' device='cuda' dtype=torch.float64 dtype=torch.float16 dim=0 dim=1
dim=-1 keepdim=True num_layers=2 dropout=0.5 proj_size=2 padding_idx=0 max_norm=1.0 kdim=3 elementwise_affine=False
inplace=True output_size=7 kernel_size=9 need_weights=False start_dim=0 end_dim=2 nowhere=1 padding_mode='circular' output_padding=1
""".split()
STATEMENTS = """
{x} = {x}.flatten(0)
{x} = {x}.T
{x} = {x}.mean(0)
{x} = {x}.mean()
{x} = {x}.squeeze()
{x} = {x}.unsqueeze(1)
{x} = {x}[0]
{x} = {x}[:, None]
{x} = {x}[..., 0]
{x} = {x}[:, :, :2]
{x} = {x}.view(-1, 7)
{x} = {x}.view({x}.size(1), -1)
{x} = {x}.reshape(4, -1)
{x} = {x}.permute(0, 2, 1)
{x} = {x}.transpose(0, 1)
{x} = torch.cat([{x}, {x}], 1)
{x} = torch.cat([{x}, {x}.mean(0)], 0)
{x} = torch.stack([{x}, {x}.T])
{x} = {x} @ {x}
{x} = {x} @ {x}.T
{x} = {x} + {x}.mean(1)
{x} = {x} - {x}.mean(0, keepdim=True)
{x} = {x} * {x}.shape[1]
{x} = {x}.softmax(0)
{x} = torch.softmax({x}, dim=1)
{x} = torch.einsum("bi,bj->ij", {x}, {x})
{x} = torch.einsum("bchw->bhwc", {x})
{x} = {x}.chunk(3)[2]
{x}, {x}_2 = {x}.chunk(2, 1)
{x} = {x}.long()
{x} = {x}.bool()
{x} = {x}.half()
{x} = {x}.double()
{x} = {x}.to("cuda")
{x} = {x}.detach().cpu().numpy()
{x} = torch.from_numpy({x}.detach().numpy())
{x} = torch.tensor({x}.tolist())
{x} = torch.fft.rfft({x})
{x} = {x}.to_sparse()
{x} = torch.nested.nested_tensor([{x}, {x}])
{x} = torch.complex({x}, {x})
{x} = {x}.unbind(1)
{x} = list({x})
{x} = {x}, {x}
{x} = {{"a": {x}}}
{x} = {x}.expand(4, -1)
{x} = {x}.repeat(2, 1)
{x} = {x}.roll(1, 0)
{x} = {x}.flip(0)
{x} = {x}[torch.randperm({x}.size(0))]
{x} = {x}[{x}.sum(tuple(range(1, {x}.dim()))) > 0]
{x} = {x}[{x} > 0]
{x} = {x}.nonzero()
{x} = {x}.sort(0)[0]
{x} = {x}.cumsum(0)
{x} = {x}.max(1)
{x} = {x}.topk(3)[1]
{x} += 1
{x} += {x}.sum(0)
{x} += {x}.unsqueeze(0)
{x}[:, 0] = 3
{x}[:, 0] = {x}[:, 1:]
{x}.unsqueeze_(0)
{x}.resize_(3)
{x}.data = {x}.data[0]
{x}.t_()
{x} = {x}.as_strided((2, 2), (1, 1))
{x} = {x}.view(torch.int32)
{x} = {x}.item()
{x} = None
{x} = "text"
{x} = 3
{x} = float({x}.sum())
{x} = int({x}.shape[0])
{x} = {x}.shape
b, c = {x}.shape
b, c, h, w = {x}.size()
a, b, c = {x}
assert {x}.shape[1] == 3, {x}.shape
assert {x}.dim() == 3
assert {x}.sum() > 0
if {x}.shape[0] == 4: {x} = {x}[:, :1]
if {x}.sum() > 0: {x} = {x}.T
if {x}.shape[-1] != 5: raise ValueError(f"got {{{x}.shape}}")
raise RuntimeError({x}.shape)
raise NotImplementedError
return
return {x}
return {x}, {x}.mean(), None
return {{"a": {x}, 3: [{x}]}}
return [{x} for {x} in {x}]
return lambda: {x}
return ({x} for {x} in {x})
return {x}.sum()
return {x}.tolist()
for {x} in {x}: pass
for i in range({x}.size(0)): {x}[i] = {x}[i] + i
{x} = torch.stack([t.mean(0) for t in {x}])
with torch.no_grad(): {x} = {x}[1:]
with torch.autocast("cuda"): {x} = {x} @ {x}
try: {x} = {x}.view(-1, 3, 5)
print({x}.shape, {x})
self.fc = nn.Linear(3, 4)
self.fc = nn.Linear({x}.shape[1], 4); {x} = self.fc({x})
self.kept = {x}
self.kept = getattr(self, "kept", 0) + {x}
self.state = torch.zeros(4, 3); {x} = {x} + self.state
{x} = nn.Linear({x}.shape[-1], 5)({x})
{x} = nn.Conv2d(3, 4, 3)({x})
{x} = torch.nn.functional.linear({x}, torch.randn(4, 3))
{x} = torch.nn.functional.conv2d({x}, torch.randn(4, 3, 3, 3), torch.zeros(3))
{x} = torch.nn.functional.interpolate({x}, scale_factor=2)
{x} = torch.nn.functional.pad({x}, (1, 2, 3))
{x} = torch.nn.functional.one_hot({x}.long().abs(), 3)
{x} = torch.nn.functional.layer_norm({x}, (3,))
{x} = torch.nn.functional.cross_entropy({x}, {x})
{x} = torch.nn.functional.scaled_dot_product_attention({x}, {x}, {x}.T)
{x} = torch.utils.checkpoint.checkpoint(lambda t: t.T, {x})
{x} = torch.vmap(lambda t: t.sum())({x})
{x} = torch.compile(lambda t: t[0])({x})
{x} = torch.func.functional_call(self, {{}}, ({x},))
{x} = torch.bmm({x}, {x})
{x} = torch.matmul({x}, self.weight)
{x} = torch.zeros({x}.shape[1], {x}.shape[0]) + {x}
{x} = {x} + torch.randn({x}.shape[0], 1)
{x} = torch.where({x} > 0)
{x} = torch.where({x} > 0, {x}, {x}[0:2])
{x} = torch.meshgrid({x}, {x})
{x} = torch.linalg.inv({x})
{x} = torch.cdist({x}, {x})
{x} = {x}.unfold(1, 3, 1)
{x} = {x}.gather(1, {x}.long())
{x} = {x}.index_select(0, torch.tensor([0, 0, 1]))
{x} = {x}.masked_fill({x}.T > 0, 0)
{x} = self({x})
{x} = self.nowhere({x})
{x} = super().forward({x})
{x} = [m({x}) for m in self.children()][-1]
for m in self.modules(): {x} = m({x})
self.apply(lambda m: None)
self.train(); self.requires_grad_(False)
self.register_buffer("kept", {x})
self.add_module("late", nn.Linear(3, 3))
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
del {x}
import math; {x} = {x} / math.sqrt({x})
yield {x}
global kept; kept = {x}
""".strip().split("\n")
WRAPPERS = (
    "nn.utils.weight_norm({0})",
    "nn.utils.spectral_norm({0})",
    "nn.utils.parametrizations.weight_norm({0})",
    "nn.utils.parametrizations.orthogonal({0})",
    "nn.DataParallel({0})",
    "torch.compile({0})",
    "__import__('copy').deepcopy({0})",
    "nn.ModuleList([{0}, {0}])",
    "nn.ModuleDict({{'a': {0}}})",
    "nn.Sequential({0}, nn.Flatten())",
    "nn.Sequential({0}, {0})",
    "nn.ModuleList([{0}] * 3)",
    "[{0}]",
    "{{'a': {0}}}",
    "({0}, {0})",
    "{0}.half()",
    "{0}.to('cuda')",
    "{0}.to('meta')",
    "{0}.eval()",
    "{0}.weight",
    "{0}.forward",
    "torch.jit.script({0})",
    "torch.ao.quantization.quantize_dynamic({0})",
    "nn.Parameter({0})",
    "{0}.requires_grad_(False)",
    "(lambda x: {0}(x))",
    "torch.no_grad()({0})",
    "nn.Identity()",
    "None",
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "<<", "|")

Node = TypeVar("Node", bound=ast.AST)


class _File:
    """A text with its tree, and where each node stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.lines = text.encode().split(b"\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node stands, in bytes."""
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text.encode()[start:end].decode()

    def with_changes(self, *changes: tuple[ast.AST | tuple[int, int], str]) -> str:
        data = self.text.encode()
        placed = sorted(((self.span(at) if isinstance(at, ast.AST) else at, text) for at, text in changes), reverse=True)
        for (start, end), text in placed:
            data = data[:start] + text.encode() + data[end:]
        return data.decode()

    def calls(self) -> list[ast.Call]:
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    def functions(self) -> list[ast.FunctionDef]:
        """Functions of classes, the more of which hold what a model does."""
        return [child for node in self.nodes if isinstance(node, ast.ClassDef) for child in node.body if isinstance(child, ast.FunctionDef)]


def mistaken(text: str, chance: Chance) -> str:
    """The text with one mistake; as it is where none could be made."""
    for _ in range(12):
        try:
            changed = chance.choice(MISTAKES)(_File(text), chance)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(changed, "model.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):  # IndexError: there is nothing to choose from
            continue
        if changed != text:
            return changed
    return text


def _size(file: _File, chance: Chance) -> str:
    """A number of a call, a neighbour of it or one that stands elsewhere in its place."""
    numbers = [node for node in file.nodes if isinstance(node, ast.Constant) and type(node.value) is int]
    node = chance.choice(numbers)
    value = node.value
    assert isinstance(value, int)
    others = (value + 1, value - 1, 2 * value, value // 2, 0, 1, 10 * value, chance.choice(numbers).value, chance.choice(numbers).value)
    return file.with_changes((node, str(chance.choice(others))))


def _axis(file: _File, chance: Chance) -> str:
    """Another axis in a call of a method, or by keyword."""
    places: list[ast.AST] = []
    for call in file.calls():
        if isinstance(call.func, ast.Attribute) and not call.func.attr[:1].isupper():
            places += [argument for argument in call.args if isinstance(argument, ast.Constant | ast.UnaryOp)]
        places += [keyword.value for keyword in call.keywords if keyword.arg in ("dim", "start_dim", "end_dim", "axis", "dims")]
    return file.with_changes((chance.choice(places), chance.choice(AXES)))


def _operator(file: _File, chance: Chance) -> str:
    node = chance.choice([node for node in file.nodes if isinstance(node, ast.BinOp)])
    return file.with_changes((node, f"({file.source(node.left)} {chance.choice(OPERATORS)} {file.source(node.right)})"))


def _arguments(file: _File, chance: Chance) -> str:
    """Two arguments of a call swapped, one dropped, doubled or taken from elsewhere, or a keyword more or less."""
    call = chance.choice(file.calls())
    values = [*call.args, *call.keywords]
    way = chance.randrange(5)
    if way == 0 and len(values) > 1:
        one, other = chance.sample(values, 2)
        return file.with_changes((one, file.source(other)), (other, file.source(one)))
    words = [file.source(value) for value in values]
    if way == 1 and words:
        words.remove(chance.choice(words))
    elif way == 2 and call.args:
        words.insert(0, words[0])
    elif way == 3 and call.args:
        words[chance.randrange(len(call.args))] = chance.choice([file.source(other) for node in file.calls() for other in node.args])
    else:
        words.append(chance.choice(KEYWORDS))
    return file.with_changes((call, f"{file.source(call.func)}({', '.join(words)})"))


def _name(file: _File, chance: Chance) -> str:
    """One name of a function in the place of another, a layer of the model in that of another."""
    function = chance.choice(_passes(file) if chance.random() < 0.8 else file.functions())
    if chance.random() < 0.5:
        here, everywhere = (
            [node for node in _inside(root, ast.Attribute) if isinstance(node.value, ast.Name) and node.value.id == "self"]
            for root in (function, file.tree)
        )
        return file.with_changes((chance.choice(here), file.source(chance.choice(everywhere))))
    names = _inside(function, ast.Name)
    return file.with_changes((chance.choice(names), chance.choice(names).id))


def _layer(file: _File, chance: Chance) -> str:
    """A layer of another kind, most often one that is built alike."""
    node = chance.choice([node for node in file.nodes if isinstance(node, ast.Attribute) and node.attr in LAYERS])
    similar = [names for names in SIMILAR_LAYERS if node.attr in names]
    others = chance.choice(similar) if chance.random() < 0.9 else LAYERS
    return file.with_changes((node, f"{file.source(node.value)}.{chance.choice(others)}"))


def _method(file: _File, chance: Chance) -> str:
    """Another method of a tensor, or another function where it is one of torch's."""
    node = chance.choice([node for node in _inside(chance.choice(_passes(file)), ast.Attribute) if node.attr in METHODS])
    return file.with_changes((node, f"{file.source(node.value)}.{chance.choice(METHODS)}"))


def _call_gone(file: _File, chance: Chance) -> str:
    """A call replaced by what it is made of: its first argument, or what it is a method of."""
    calls = [call for function in file.functions() for call in _inside(function, ast.Call)]
    call = chance.choice([call for call in calls if "super()" not in file.source(call)])
    parts: list[ast.AST] = [*call.args[:1], *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
    return file.with_changes((call, file.source(chance.choice(parts))))


def _statement_gone(file: _File, chance: Chance) -> str:
    node = chance.choice(_statements(file))
    return file.with_changes((node, "pass"))


def _statements_swapped(file: _File, chance: Chance) -> str:
    function = chance.choice([function for function in file.functions() if len(function.body) > 1])
    one, other = chance.sample([statement for statement in function.body if "super()" not in file.source(statement)], 2)
    return file.with_changes((one, file.source(other)), (other, file.source(one)))


def _statement_doubled(file: _File, chance: Chance) -> str:
    node = chance.choice([node for node in _statements(file) if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr)])
    return file.with_changes((node, f"{file.source(node)}; {file.source(node)}"))


def _statement_more(file: _File, chance: Chance) -> str:
    """A statement that changes a tensor, before another statement of a function that is not the constructor."""
    function = chance.choice(_passes(file))
    names = [argument.arg for argument in function.args.args[1:]]
    names += [node.id for node in _inside(function, ast.Name) if isinstance(node.ctx, ast.Store)]
    statement = chance.choice(_inside(function, ast.stmt))
    start, _ = file.span(statement)
    begin = file.starts[statement.lineno - 1]
    indent = file.text.encode()[begin:start].decode()
    if indent.strip():
        return file.text
    new = chance.choice(STATEMENTS).format(x=chance.choice(names))
    if new.startswith("try"):
        new += f"\n{indent}except Exception: pass"
    return file.with_changes(((start, start), f"{new}\n{indent}"))


def _wrapped(file: _File, chance: Chance) -> str:
    """A layer in a wrapper, in a list, or turned into something else, where it is built."""
    calls = [call for call in file.calls() if isinstance(call.func, ast.Attribute) and call.func.attr in LAYERS]
    call = chance.choice(calls)
    return file.with_changes((call, chance.choice(WRAPPERS).format(file.source(call))))


def _result(file: _File, chance: Chance) -> str:
    """What a function returns taken for something else."""
    returned = [node.value for node in file.nodes if isinstance(node, ast.Return) and node.value is not None]
    node = chance.choice(returned)
    shown = file.source(node)
    ways = (
        "({0}, {0})",
        "[{0}]",
        "{{'a': {0}}}",
        "({0})[0]",
        "({0}).mean()",
        "({0}).squeeze()",
        "None",
        "str({0})",
        "({0}).T",
        "iter([{0}])",
    )
    return file.with_changes((node, chance.choice(ways).format(shown)))


def _expression(file: _File, chance: Chance) -> str:
    """An expression of a function in the place of another of it."""
    inner = _inside(chance.choice(_passes(file)), ast.expr)
    loaded = [node for node in inner if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
    return file.with_changes((chance.choice(loaded), f"({file.source(chance.choice(loaded))})"))


def _passes(file: _File) -> list[ast.FunctionDef]:
    """Functions of classes that build nothing."""
    return [function for function in file.functions() if function.name != "__init__"]


def _inside(function: ast.AST, kind: type[Node]) -> list[Node]:
    """Nodes of the body of a function."""
    return [node for statement in getattr(function, "body", []) for node in ast.walk(statement) if isinstance(node, kind)]


def _statements(file: _File) -> list[ast.stmt]:
    """Statements of functions of classes, without the call of the constructor of the class above."""
    return [node for function in file.functions() for node in _inside(function, ast.stmt) if "super()" not in file.source(node)]


MISTAKES: tuple[Callable[[_File, Chance], str], ...] = (
    _size,
    _size,
    _size,
    _axis,
    _axis,
    _operator,
    _arguments,
    _arguments,
    _name,
    _layer,
    _method,
    _call_gone,
    _statement_gone,
    _statements_swapped,
    _statement_doubled,
    _statement_more,
    _statement_more,
    _statement_more,
    _wrapped,
    _result,
    _expression,
)

"""Checkpoints of every kind are read for names, shapes and dtypes, and nothing in them is ever run."""

from __future__ import annotations

import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from linearcheck.load.checkpoints.choosing import choose_state
from linearcheck.load.checkpoints.reading import CheckpointError, read_checkpoint
from linearcheck.trace.model_state import adapting_modules, state_entries


class Net(nn.Module):
    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 2).to(torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).mean((2, 3)).to(torch.bfloat16))


def shapes(state: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for name, tensor in state.items()}


def read(path: Path, place: str = "") -> dict[str, tuple[tuple[int, ...] | None, str]]:
    state = next(state for state in read_checkpoint(path).states if state.place == place)
    return {entry.name: (entry.shape, entry.dtype) for entry in state.entries}


def safetensors(path: Path, entries: dict[str, tuple[str, list[int]]], n_bytes: int | None = None) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in entries.items():
        size = {"F32": 4, "BF16": 2, "I64": 8}[dtype]
        for axis in shape:
            size *= axis
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end if n_bytes is None else n_bytes))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_state_dicts_are_read_as_torch_reads_them(tmp_path: Path, zipped: bool) -> None:
    path, state = tmp_path / "net.pt", Net().state_dict()
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    assert read(path) == shapes(torch.load(path, weights_only=True))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_whole_model_is_read_by_the_names_of_its_state(tmp_path: Path, zipped: bool) -> None:
    path, net = tmp_path / "net.pt", nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.LSTM(3, 4)))
    net.register_buffer("seen", torch.zeros(5))
    net.register_buffer("scratch", torch.zeros(6), persistent=False)
    torch.save(net, path, _use_new_zipfile_serialization=zipped)
    assert read(path) == shapes(net.state_dict())


def test_torchscript_is_read(tmp_path: Path) -> None:
    class Scripted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 3)
            self.out = nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.fc(x))

    path, net = tmp_path / "net.pt", Scripted()
    torch.jit.trace(net, torch.zeros(1, 2)).save(str(path))
    assert read(path) == shapes(net.state_dict())


def test_kinds_of_tensors(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    state = {
        "parameter": nn.Parameter(torch.zeros(2, 3)),
        "view": torch.zeros(4, 6)[:2, ::3],
        "scalar": torch.tensor(3),
        "empty": torch.zeros(0, 7),
        "half": torch.zeros(2).half(),
        "flag": torch.zeros(2, dtype=torch.bool),
        "complex": torch.zeros(2, dtype=torch.complex64),
        "float8": torch.zeros(3).to(torch.float8_e4m3fn),
        "unsigned": torch.zeros(3, dtype=torch.uint16),
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.zeros(8, 9, device="meta"),
        "buffer": nn.Buffer(torch.zeros(5)),
    }
    torch.save(state, path)
    assert read(path) == shapes(state)


def test_quantized_tensors(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"q": torch.quantize_per_tensor(torch.zeros(2, 3), 0.1, 0, torch.qint8)}, path)
    assert read(path) == {"q": ((2, 3), "qint8")}


def test_numpy_arrays_and_plain_pickles(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"model": {"fc.weight": numpy.zeros((2, 3)), "fc.bias": torch.zeros(2)}, "author": "somebody"}))
    assert {name: shape for name, (shape, _) in read(path, "model").items()} == {"fc.weight": (2, 3), "fc.bias": (2,)}


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    safetensors(path, {"fc.weight": ("F32", [2, 3]), "fc.bias": ("BF16", [2]), "step": ("I64", [])})
    assert read(path) == {"fc.weight": ((2, 3), "float32"), "fc.bias": ((2,), "bfloat16"), "step": ((), "int64")}


def test_what_a_file_is_follows_from_its_content(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    safetensors(path, {"a": ("F32", [1])})
    assert read_checkpoint(path).format == "safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    assert read_checkpoint(path).format == "torch"


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_an_index_joins_its_files(tmp_path: Path, kind: str) -> None:
    parts = {f"part-1.{kind}": {"a.weight": [2, 3]}, f"part-2.{kind}": {"b.weight": [4], "b.bias": [1]}}
    for name, entries in parts.items():
        if kind == "safetensors":
            safetensors(tmp_path / name, {key: ("F32", shape) for key, shape in entries.items()})
        else:
            torch.save({key: torch.zeros(shape) for key, shape in entries.items()}, tmp_path / name)
    index = tmp_path / f"model.{kind}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {key: name for name, entries in parts.items() for key in entries}}))
    assert {name: shape for name, (shape, _) in read(index).items()} == {"a.weight": (2, 3), "b.weight": (4,), "b.bias": (1,)}
    (tmp_path / f"part-2.{kind}").unlink()
    with pytest.raises(CheckpointError, match=r"names the file `part-2\.\w+`, which does not exist"):
        read_checkpoint(index)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "a/b.bin", "..", "", "x\0y"])
def test_an_index_reads_only_files_beside_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    safetensors(tmp_path / "secret.safetensors", {"a": ("F32", [1])})
    (folder / "model.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError):
        read_checkpoint(folder / "model.index.json")


def test_an_index_that_names_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "loop.json"
    path.write_text(json.dumps({"weight_map": {"a": "loop.json"}}))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


# ---- nothing is run


class Touches:
    """A pickle of this creates a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.path}'",)


def hostile_pickles(mark: Path) -> dict[str, bytes]:
    command = f"touch '{mark}'".encode()
    return {
        "reduce": pickle.dumps(Touches(mark)),
        "protocol 0": pickle.dumps(Touches(mark), protocol=0),
        "instance": b"\x80\x02(S'" + command.replace(b"'", b'"') + b"'\nios\nsystem\n.",
        "object": b"\x80\x02(cos\nsystem\nX" + struct.pack("<I", len(command)) + command + b"o.",
        "build": b"\x80\x02cos\nsystem\n}X\x01\x00\x00\x00aK\x01sb.",
        "eval": b"\x80\x02cbuiltins\neval\nX" + struct.pack("<I", len(command)) + command + b"\x85R.",
    }


@pytest.mark.parametrize("kind", hostile_pickles(Path("x")))
@pytest.mark.parametrize("container", ["zip", "plain", "legacy"])
def test_a_payload_does_not_run(tmp_path: Path, kind: str, container: str) -> None:
    mark, path = tmp_path / "ran", tmp_path / "net.pt"
    payload = hostile_pickles(mark)[kind]
    if container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", payload)
    else:
        magic = b"".join(pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
        path.write_bytes((magic if container == "legacy" else b"") + payload + pickle.dumps([], protocol=2))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)
    assert not mark.exists()


def test_the_payload_is_one(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    pickle.loads(hostile_pickles(mark)["reduce"])
    assert mark.exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_state_beside_a_payload_is_read_and_the_payload_named(tmp_path: Path, zipped: bool) -> None:
    mark, path = tmp_path / "ran", tmp_path / "net.pt"
    torch.save({"state_dict": Net().state_dict(), "bait": Touches(mark)}, path, _use_new_zipfile_serialization=zipped)
    assert read(path, "state_dict") == shapes(Net().state_dict())
    assert read_checkpoint(path).foreign == (f"{os.system.__module__}.system",)
    assert not mark.exists()


# ---- what cannot be read


def broken_files() -> dict[str, tuple[Callable[[Path], Any], str]]:
    def saved(cut: float, zipped: bool) -> Callable[[Path], Any]:
        def write(path: Path) -> None:
            torch.save(Net(40).state_dict(), path, _use_new_zipfile_serialization=zipped)
            data = path.read_bytes()
            path.write_bytes(data[: int(len(data) * cut)])

        return write

    def archive(**members: bytes) -> Callable[[Path], Any]:
        def write(path: Path) -> None:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                for name, data in members.items():
                    file.writestr(name.replace("_", ".").replace("0", "/"), data)

        return write

    def text(data: bytes) -> Callable[[Path], Any]:
        return lambda path: path.write_bytes(data)

    return {
        "missing": (lambda path: None, "does not exist"),
        "directory": (lambda path: path.mkdir(), "is a directory"),
        "empty": (text(b""), "is empty"),
        "text": (text(b"hello world\n"), "is no checkpoint"),
        "json": (text(b'{"a": 1}'), "no `weight_map`"),
        "git lfs": (text(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"),
        "web page": (text(b"<!DOCTYPE html><html></html>"), "web page"),
        "gzip": (text(b"\x1f\x8b\x08\x00" + bytes(40)), "gzip"),
        "zip cut off": (saved(0.5, True), "cut off"),
        "legacy cut off": (saved(0.9, False), "cut off"),
        "legacy cut off in its pickle": (saved(0.01, False), "cut off"),
        "other zip": (archive(notes_txt=b"hello"), "without the `data.pkl`"),
        "numpy zip": (archive(arr_npy=b"hello"), "NumPy"),
        "no pickle": (archive(a0data_pkl=b"hello"), "damaged or cut off"),
        "zip bomb": (archive(a0data_pkl=b"\x80\x02" + bytes(300 << 20)), "256 MB"),
        "long integer": (text(b"\x80\x02\x8b\xff\xff\xff\x7f"), "cut off"),
        "huge memo": (text(b"\x80\x02Nr\xff\xff\xff\x7f."), "no tensors"),
        "no stack": (text(b"\x80\x02R."), "damaged"),
        "no tensors": (lambda path: torch.save({"epoch": 3}, path), "no tensors"),
        "list": (lambda path: torch.save([torch.zeros(1)], path), "no tensors"),
        "safetensors cut off": (lambda path: safetensors(path, {"a": ("F32", [100])}, n_bytes=7), "promises 400 bytes"),
        "safetensors header": (text(struct.pack("<Q", 10) + b'{"a": [1]}'), "does not say the shape"),
        "safetensors json": (text(struct.pack("<Q", 10) + b'{"a": nope'), "not valid JSON"),
    }


@pytest.mark.parametrize("kind", broken_files())
def test_what_cannot_be_read_says_why(tmp_path: Path, kind: str) -> None:
    write, words = broken_files()[kind]
    path = tmp_path / "net.pt"
    write(path)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert words in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the file can be read by everyone")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"a": torch.zeros(1)}, path)
    path.chmod(0)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(path)


def test_values_that_are_not_there(tmp_path: Path) -> None:
    path, less = tmp_path / "net.pt", tmp_path / "less.pt"
    torch.save({"a": torch.zeros(50)}, path)
    with zipfile.ZipFile(path) as full, zipfile.ZipFile(less, "w") as copy:
        for name in full.namelist():
            if "/data/" not in name:
                copy.writestr(name, full.read(name))
    with pytest.raises(CheckpointError, match="values that it describes are not in it"):
        read_checkpoint(less)


def test_mutated_files_only_raise_what_is_said(tmp_path: Path) -> None:
    generator = random.Random(7)
    originals = []
    for number, options in enumerate(({}, {"_use_new_zipfile_serialization": False})):
        path = tmp_path / f"original{number}"
        torch.save({"state_dict": Net().state_dict(), "optimizer": {"state": {0: {"step": 1}}}}, path, **options)
        originals.append(path.read_bytes())
    safetensors(tmp_path / "original", {"a": ("F32", [2, 2]), "b": ("I64", [3])})
    originals.append((tmp_path / "original").read_bytes())
    path = tmp_path / "mutated"
    n_refused = 0
    for _ in range(1500):
        data = bytearray(generator.choice(originals))
        for _ in range(generator.randint(1, 8)):
            data[generator.randrange(min(len(data), 3000))] = generator.randrange(256)
        path.write_bytes(data)
        try:
            read_checkpoint(path)
        except CheckpointError:
            n_refused += 1
    assert 100 < n_refused < 1500


# ---- which of several states


def test_the_state_that_matches_best_is_compared(tmp_path: Path) -> None:
    path, net = tmp_path / "net.pt", Net()
    optimizer = torch.optim.Adam(net.parameters())
    other = nn.Linear(3, 4)
    torch.save({"critic": other.state_dict(), "optimizer": optimizer.state_dict(), "ema": {"module": net.state_dict()}}, path)
    checkpoint, readings = choose_state(read_checkpoint(path), state_entries(net), "net.pt")
    assert checkpoint.place == "ema.module"
    assert {entry.name for entry in checkpoint.entries} == set(net.state_dict())
    assert readings == ("`net.pt`: compared with its `ema.module`, 9 tensors; it also holds `critic`",)


def test_parts_that_were_saved_side_by_side_are_one_state(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    pair = nn.ModuleDict({"encoder": nn.Linear(2, 3), "decoder": nn.Linear(3, 2)})
    torch.save({name: part.state_dict() for name, part in pair.items()}, path)
    checkpoint, readings = choose_state(read_checkpoint(path), state_entries(pair), "net.pt")
    assert {entry.name for entry in checkpoint.entries} == set(pair.state_dict())
    assert readings == ()


def test_entries_of_a_model_are_what_loading_looks_for() -> None:
    net = Net()
    net.again = net.head
    net.register_buffer("scratch", torch.zeros(1), persistent=False)
    entries = {entry.name: entry for entry in state_entries(net)}
    assert set(entries) == set(net.state_dict())
    assert entries["again.weight"].tied_to == "head.weight"
    assert {entry.name: entry.shape for entry in state_entries(nn.LazyLinear(3))} == {"weight": None, "bias": None}


def test_modules_that_rename_what_they_load_are_known() -> None:
    class Renames(nn.Linear):
        def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
            super()._load_from_state_dict(state_dict, prefix, *rest)

    net = nn.Sequential(nn.Linear(2, 2), Renames(2, 2), nn.BatchNorm1d(2), nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    assert adapting_modules(net) == ("1", "3")

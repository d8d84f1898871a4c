"""`explain` reads real messages right: the rule, each number, and the user's line of a traceback."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linearcheck.explain import explain
from linearcheck.explain.messages import MESSAGES
from linearcheck.rules.registry import RULES
from tests.explain.provoked import REFUSED
from tests.explain.real_messages import REAL, Real


@pytest.mark.parametrize("real", REAL, ids=lambda real: real.text[:60])
def test_real_message(real: Real) -> None:
    found = explain(real.text)
    assert found is not None
    assert (found.codes or ("",))[0] == real.code
    assert tuple(number.text for number in found.numbers) == real.numbers
    assert found.reading.summary
    assert bool(found.command) == bool(real.code)


@pytest.mark.parametrize("name", REFUSED)
def test_message_of_this_version(name: str) -> None:
    code, call = REFUSED[name]
    with pytest.raises(Exception) as raised:  # noqa: PT011  # which one it is differs from call to call
        call()
    found = explain(f"{raised.type.__name__}: {raised.value}")
    assert found is not None
    assert found.codes[0] == code


def _quoted() -> list[tuple[str, str]]:
    """What the pages of the rules say that PyTorch says; a line that is full goes on in the next."""
    quotes: list[tuple[str, str]] = []
    for rule in RULES:
        part = rule.documentation.partition("## PyTorch says\n")[2].partition("\n## ")[0]
        lines = [line.strip() for line in part.splitlines() if line.startswith("    ")]
        texts = "".join(f"{line} " if len(line) > 110 else f"{line}\n" for line in lines).splitlines()
        quotes += [(rule.code, text) for text in texts if text]
    return quotes


@pytest.mark.parametrize(("code", "line"), _quoted())
def test_what_a_rules_page_quotes_leads_to_the_rule(code: str, line: str) -> None:
    found = explain(line)
    assert found is not None
    assert code in found.codes


@pytest.mark.parametrize("text", ["", "hello", "RuntimeError: out of memory", "KeyError: 'x'", "shape (3, 4)", "\x00\x1b["])
def test_what_is_no_such_message(text: str) -> None:
    assert explain(text) is None


TRACEBACK = """\
Traceback (most recent call last):
  File "/home/me/proj/train.py", line 44, in <module>
    out = net(x)
          ^^^^^^
  File "/venv/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1739, in _wrapped_call_impl
    return self._call_impl(*args, **kwargs)
  File "/home/me/proj/net.py", line 12, in forward
    return self.fc1(torch.flatten(x, 1))
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/venv/lib/python3.11/site-packages/torch/nn/modules/linear.py", line 125, in forward
    return F.linear(input, self.weight, self.bias)
RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x256 and 400x120)
"""

NOTEBOOK = """\
---------------------------------------------------------------------------
RuntimeError                              Traceback (most recent call last)
Cell In[3], line 2
      1 net = Net()
----> 2 net(torch.randn(64, 1, 28, 28))

File /venv/lib/python3.11/site-packages/torch/nn/modules/module.py:1739, in Module._wrapped_call_impl(self, *args, **kwargs)
   1738 else:
-> 1739     return self._call_impl(*args, **kwargs)

File ~/proj/net.py:12, in Net.forward(self, x)
     11 def forward(self, x):
---> 12     return self.fc1(torch.flatten(x, 1))

File /venv/lib/python3.11/site-packages/torch/nn/modules/linear.py:125, in Linear.forward(self, input)
--> 125     return F.linear(input, self.weight, self.bias)

RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x256 and 400x120)
"""

OLD_NOTEBOOK = """\
<ipython-input-5-0a1b2c> in forward(self, x)
     11     def forward(self, x):
---> 12         return self.fc1(x)
     13

~/anaconda3/lib/python3.7/site-packages/torch/nn/modules/linear.py in forward(self, input)
     86     def forward(self, input):
---> 87         return F.linear(input, self.weight, self.bias)

RuntimeError: size mismatch, m1: [64 x 256], m2: [400 x 120] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:41
"""


@pytest.mark.parametrize(
    ("text", "path", "line", "source"),
    [
        (TRACEBACK, "/home/me/proj/net.py", 12, "return self.fc1(torch.flatten(x, 1))"),
        (NOTEBOOK, "~/proj/net.py", 12, "return self.fc1(torch.flatten(x, 1))"),
        (OLD_NOTEBOOK, "<ipython-input-5-0a1b2c>", 12, "return self.fc1(x)"),
        (
            "".join(f"[rank0]: {line}\n" for line in TRACEBACK.splitlines()),
            "/home/me/proj/net.py",
            12,
            "return self.fc1(torch.flatten(x, 1))",
        ),
        (
            TRACEBACK.replace("/home/me/proj/net.py", r"C:\Users\me\net.py"),
            r"C:\Users\me\net.py",
            12,
            "return self.fc1(torch.flatten(x, 1))",
        ),
        (re.sub(r"^", "\x1b[31m", TRACEBACK, flags=re.MULTILINE), "/home/me/proj/net.py", 12, "return self.fc1(torch.flatten(x, 1))"),
    ],
    ids=["python", "notebook", "old notebook", "ranks", "windows", "coloured"],
)
def test_users_own_line_of_a_traceback(text: str, path: str, line: int, source: str) -> None:
    found = explain(text)
    assert found is not None
    assert found.codes[0] == "LC101"
    assert found.frame is not None
    assert (found.frame.path, found.frame.line, found.frame.source) == (path, line, source)


def test_traceback_tells_a_linear_from_a_product() -> None:
    message = "mat1 and mat2 shapes cannot be multiplied (64x32 and 48x10)"
    product = f'  File "net.py", line 3, in forward\n    return x @ self.table\nRuntimeError: {message}'
    linear = TRACEBACK.rpartition("RuntimeError")[0] + f"RuntimeError: {message}"
    codes = [found.codes[0] for text in (product, linear) if (found := explain(text)) is not None]
    assert codes == ["LC405", "LC101"]


def test_last_error_of_a_chain_counts() -> None:
    text = f"{TRACEBACK}\nDuring handling of the above exception, another exception occurred:\n\nIndexError: index out of range in self"
    found = explain(text)
    assert found is not None
    assert found.codes == ("LC303",)


def test_message_broken_into_lines_by_a_narrow_terminal() -> None:
    found = explain("mat1 and mat2 shapes\ncannot be multiplied   (64x256 and\n400x120)")
    assert found is not None
    assert found.reading.sizes == (256, 400)


def test_each_kind_of_message_has_a_name_of_its_own() -> None:
    names = [message.name for message in MESSAGES]
    assert len(names) == len(set(names)) > 60


@given(st.text())
def test_any_text(text: str) -> None:
    found = explain(text)
    assert found is None or found.reading.summary


@given(st.lists(st.integers(0, 10**12), min_size=8, max_size=8))
def test_any_numbers(numbers: list[int]) -> None:
    a, b, c, d, *shape = numbers
    assert explain(f"mat1 and mat2 shapes cannot be multiplied ({a}x{b} and {c}x{d})") is not None
    assert explain(f"shape '{shape}' is invalid for input of size {a}") is not None
    assert (
        explain(f"Given groups=1, weight of size {shape}, expected input{shape} to have {a} channels, but got {b} channels instead")
        is not None
    )


def test_needs_nothing_but_python() -> None:
    script = (
        "import sys; from linearcheck.explain import explain; explain('index out of range in self');"
        "print(*(name for name in ('torch', 'typer', 'rich', 'numpy') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""

"""Which files a fix may look into."""

from __future__ import annotations

from linearcheck.fix.reach import with_imported_files

FILES = {
    "pkg.sizes": ("pkg/sizes.py", "from .deep import B\nA = 1\n"),
    "pkg.deep": ("pkg/deep.py", "B = 2\n"),
    "pkg.unrelated": ("pkg/unrelated.py", "C = 3\n"),
    "other.sizes2": ("other/sizes2.py", ""),
}


def reached(text: str) -> list[str]:
    texts = with_imported_files({"pkg/model.py": text}, [*FILES, "torch.nn"], FILES.get)
    return sorted(set(texts) - {"pkg/model.py"})


def test_imports_are_followed() -> None:
    assert reached("from .sizes import A\n") == ["pkg/deep.py", "pkg/sizes.py"]
    assert reached("from pkg import sizes\n") == ["pkg/deep.py", "pkg/sizes.py"]
    assert reached("import pkg.deep as d\n") == ["pkg/deep.py"]


def test_what_is_not_imported_is_not_read() -> None:
    assert reached("import torch.nn as nn\n") == []


def test_text_that_is_no_python_reaches_nothing() -> None:
    assert reached("import (") == []

"""One mistake is one finding: which code speaks where several fit, the most specific first.

| what refuses | order of codes |
| --- | --- |
| `nn.Linear` | LC105 weight replaced; LC407 a number where `N` must stand; LC406 batch flattened too; LC402 batch folded by a view |
| | LC102 values per sample fit, or a map straight from a convolution; LC104 `in_features` on another axis; LC101; LC409 only the dtype |
| a convolution | LC206 weight replaced; LC407, LC406, LC402; LC203 number of axes; LC202 channels last; LC201; LC205 kernel; LC409 dtype |
| other layers | LC306 attention, LC304 recurrent, LC301, LC302, LC303, LC307 the rest, each before the code of an operation inside it |
| a view | LC407 a batch size as a number; LC402 sizes of one sample fit k times; LC411 order in memory; LC401 |
| an operation | LC403, LC404, LC405, LC413, LC415 by what the operation is; LC409 only where the shapes fit; LC499 the rest |
| the author's code | LC414 about a shape; LC903 anything else |
| a checkpoint | the layer's own finding, where the checkpoint only agrees with it; LC601 a shape; LC602 names |

A finding may account for further failed calls (LC402 at the view for the layer after it); about these nothing else is said.
What fails later inside the same call of one of torch's layers, and what the repair of an earlier layer's input would mend as
well, is a consequence and no finding.
"""

from __future__ import annotations

from collections.abc import Iterable

from linearcheck.rules.rule import Finding

ORDER = (
    "LC105", "LC206", "LC407", "LC406", "LC402",
    "LC306", "LC304", "LC301", "LC302", "LC303",
    "LC102", "LC104", "LC101",
    "LC203", "LC202", "LC201", "LC205",
    "LC411", "LC401", "LC413", "LC403", "LC405", "LC415", "LC404",
    "LC307", "LC409", "LC414", "LC499", "LC903",
    "LC204", "LC305", "LC410", "LC412", "LC103", "LC416", "LC503", "LC504", "LC501", "LC408", "LC502",
)  # fmt: skip
"""Codes in the order in which they are asked; the last line speaks about calls that succeeded."""


def preference(code: str) -> int:
    """Place of a code in the table: lower wins.

    >>> preference("LC102") < preference("LC101") < preference("LC499")
    True
    """
    return ORDER.index(code) if code in ORDER else len(ORDER)


def resolved(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that may speak, in order of calls: each failed call is accounted for once, by the most specific code.

    What fails later inside the same call of one of torch's layers is a consequence of what failed first, and is dropped.
    """
    taken: set[int] = set()
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: (preference(finding.diagnostic.code), _place(finding))):
        about = set(finding.accounts_for)
        if about and about & taken:
            continue
        taken |= about
        kept.append(finding)
    return _first_of_each_unit(sorted(kept, key=_place))


def _place(finding: Finding) -> int:
    if finding.behind is not None:
        return finding.behind
    return finding.diagnostic.call if finding.diagnostic.call is not None else -1


def _first_of_each_unit(findings: list[Finding]) -> list[Finding]:
    seen: set[int] = set()
    kept: list[Finding] = []
    for finding in findings:
        if finding.unit is not None and finding.unit in seen:
            continue
        if finding.unit is not None:
            seen.add(finding.unit)
        kept.append(finding)
    return kept

"""The catalogue: every rule in order of code, and what they find in a trace."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from linearcheck.findings import Diagnostic
from linearcheck.load.records import LoadError
from linearcheck.rules import (
    lc001_unused_ignore,
    lc101_in_features_mismatch,
    lc102_unflattened_feature_map,
    lc103_map_silently_not_flattened,
    lc104_features_on_another_axis,
    lc105_linear_weight_shape,
    lc201_in_channels_mismatch,
    lc202_channels_last_input,
    lc203_wrong_input_rank,
    lc204_batch_read_as_one_sample,
    lc205_kernel_larger_than_input,
    lc206_convolution_weight_shape,
    lc301_norm_features_mismatch,
    lc302_normalized_shape_mismatch,
    lc303_embedding_input,
    lc304_recurrent_size_mismatch,
    lc305_time_and_batch_swapped,
    lc306_attention_size_mismatch,
    lc307_layer_input_refused,
    lc401_reshape_size_mismatch,
    lc402_folded_batch,
    lc403_cat_size_mismatch,
    lc404_broadcast_mismatch,
    lc405_matmul_size_mismatch,
    lc406_flattened_batch,
    lc407_fixed_batch_size,
    lc408_squeezed_batch,
    lc409_dtype_mismatch,
    lc410_two_batch_axes,
    lc411_reshape_cuts_axes,
    lc412_table_sliced_by_batch,
    lc413_axis_out_of_range,
    lc414_failed_shape_assumption,
    lc415_split_or_expand_size,
    lc416_wrong_axis,
    lc499_refused_operation,
    lc501_output_without_batch,
    lc502_layer_never_called,
    lc503_softmax_over_batch,
    lc504_samples_leak,
    lc601_checkpoint_size_mismatch,
    lc602_checkpoint_keys,
    lc901_model_not_loaded,
    lc902_input_unknown,
    lc903_stopped_otherwise,
    lc904_limit_exceeded,
)
from linearcheck.rules.batch_sizes import with_ordinary_failures
from linearcheck.rules.checkpoints import without_echoes
from linearcheck.rules.consequences import without_consequences
from linearcheck.rules.input_values import without_value_failures
from linearcheck.rules.merging import merged
from linearcheck.rules.outer_sites import with_outer_sites
from linearcheck.rules.precedence import resolved
from linearcheck.rules.quoting import quoted
from linearcheck.rules.rule import Finding, Rule
from linearcheck.trace.records import Span, Trace

_MODULES: tuple[ModuleType, ...] = (
    lc001_unused_ignore,
    lc101_in_features_mismatch,
    lc102_unflattened_feature_map,
    lc103_map_silently_not_flattened,
    lc104_features_on_another_axis,
    lc105_linear_weight_shape,
    lc201_in_channels_mismatch,
    lc202_channels_last_input,
    lc203_wrong_input_rank,
    lc204_batch_read_as_one_sample,
    lc205_kernel_larger_than_input,
    lc206_convolution_weight_shape,
    lc301_norm_features_mismatch,
    lc302_normalized_shape_mismatch,
    lc303_embedding_input,
    lc304_recurrent_size_mismatch,
    lc305_time_and_batch_swapped,
    lc306_attention_size_mismatch,
    lc307_layer_input_refused,
    lc401_reshape_size_mismatch,
    lc402_folded_batch,
    lc403_cat_size_mismatch,
    lc404_broadcast_mismatch,
    lc405_matmul_size_mismatch,
    lc406_flattened_batch,
    lc407_fixed_batch_size,
    lc408_squeezed_batch,
    lc409_dtype_mismatch,
    lc410_two_batch_axes,
    lc411_reshape_cuts_axes,
    lc412_table_sliced_by_batch,
    lc413_axis_out_of_range,
    lc414_failed_shape_assumption,
    lc415_split_or_expand_size,
    lc416_wrong_axis,
    lc499_refused_operation,
    lc501_output_without_batch,
    lc502_layer_never_called,
    lc503_softmax_over_batch,
    lc504_samples_leak,
    lc601_checkpoint_size_mismatch,
    lc602_checkpoint_keys,
    lc901_model_not_loaded,
    lc902_input_unknown,
    lc903_stopped_otherwise,
    lc904_limit_exceeded,
)

RULES: tuple[Rule, ...] = tuple(module.RULE for module in _MODULES)
"""Every rule, in order of code."""

_BY_CODE = {rule.code: rule for rule in RULES}


def diagnose(trace: Trace, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Diagnostic, ...]:
    """Everything that is wrong in a trace, in order of calls, one finding per mistake.

    Args:
        select, ignore: Codes or prefixes of codes (`LC1`). Nothing selected is everything; an ignored finding still
            keeps others from speaking about the same call.
    """
    trace = without_value_failures(with_ordinary_failures(trace))
    findings = [finding for module in _MODULES for finding in _findings(module, trace)]
    kept = without_echoes(trace, without_consequences(trace, resolved(findings)))
    wanted = (finding.diagnostic for finding in kept if is_selected(finding.diagnostic.code, select, ignore))
    return quoted(with_outer_sites(trace, merged(wanted)), trace.sources)


def _findings(module: ModuleType, trace: Trace) -> list[Finding]:
    """What one rule finds; a fault of its own is told as such, and the other rules still speak."""
    if not hasattr(module, "check"):
        return []
    try:
        return list(module.check(trace))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        code, name, severity = lc903_stopped_otherwise.RULE.code, lc903_stopped_otherwise.RULE.name, lc903_stopped_otherwise.RULE.severity
        message = f"linearcheck itself failed in {module.RULE.code}: {type(error).__name__}: {error} ({where})"
        advice = f"This is a fault of linearcheck; what {module.RULE.code} looks for was not checked, all else was."
        return [Finding(Diagnostic(code, name, severity, message, None, explanation=advice), ())]


def is_selected(code: str, select: Sequence[str], ignore: Sequence[str]) -> bool:
    """Whether a code is asked for; the longer prefix wins where both name it.

    >>> is_selected("LC102", ["LC1"], ["LC102"]), is_selected("LC102", ["LC102"], ["LC1"])
    (False, True)
    """
    chosen = max((len(prefix) for prefix in select if code.startswith(prefix) or prefix == "ALL"), default=-1 if select else 0)
    refused = max((len(prefix) for prefix in ignore if code.startswith(prefix) or prefix == "ALL"), default=-1)
    return chosen >= 0 and chosen > refused


def rule_of(code: str) -> Rule | None:
    return _BY_CODE.get(code.upper())


def rule_documentation(code: str) -> str:
    """The page of a rule.

    Raises:
        KeyError: If there is no such code.
    """
    return _BY_CODE[code.upper()].documentation.strip() + "\n"


def skipped_diagnostic(error: LoadError) -> Diagnostic:
    """The LC9xx finding about a model that could not be checked."""
    rule = _BY_CODE[error.code]
    span = Span(error.path, error.line, 1, error.line, 1) if error.path and error.line else None
    return Diagnostic(
        code=rule.code,
        rule=rule.name,
        severity=rule.severity,
        message=error.message,
        span=span,
        path=error.path,
        explanation=error.advice,
    )

"""Released models have no finding, and their mutants have one on the layer that was changed.

A sixth of the models by default, all with `LINEARCHECK_SWEEP=full`. The tables are printed:
`pytest -m sweep -n 0 -s tests/sweeps/test_zoo.py`.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.sweeps import mutants, silent_mutants
from tests.sweeps.running import check_apart, heading, line_of, summary_of
from tests.sweeps.specimen import Specimen
from tests.sweeps.zoo import SHELVES, is_installed

pytestmark = pytest.mark.sweep

FULL = os.environ.get("LINEARCHECK_SWEEP") == "full"
STRIDE = 1 if FULL else 6
FEWEST = {
    "torchvision": 121,
    "timm": 60,
    "transformers": 60,
    "vit_pytorch": 60,
    "x_transformers": 38,
    "segmentation_models_pytorch": 35,
}

# Each of another family, and quick to run for real.
TO_MUTATE = {
    "torchvision": "resnet18 mobilenet_v3_small squeezenet1_1 swin_t vit_b_16 lraspp_mobilenet_v3_large",
    "timm": "vit_tiny_patch16_224 mobilevit_xxs edgenext_xx_small xcit_nano_12_p16_224 pit_ti_224 levit_128s",
    "transformers": "ElectraModel AlbertModel MobileBertModel BloomModel T5EncoderModel PoolFormerModel",
}
MORE_TO_MUTATE = {
    "torchvision": "alexnet densenet121 efficientnet_b0 googlenet mnasnet0_5 regnet_y_400mf shufflenet_v2_x0_5 vgg11_bn convnext_tiny "
    "r3d_18 deeplabv3_mobilenet_v3_large fcn_resnet50 ssdlite320_mobilenet_v3_large swin_v2_t maxvit_t raft_small",
    "timm": "resnet18 mobilenetv2_100 regnety_002 convnext_atto convnextv2_atto crossvit_tiny_240 coat_tiny dla34 fastvit_t8 gcvit_xxtiny "
    "ghostnet_100 gmixer_24_224 hgnetv2_b0 lambda_resnet26t lcnet_050 mixer_s16_224 mobilevitv2_050 poolformer_s12 pvt_v2_b0 sequencer2d_s "
    "tnt_s_patch16_224 twins_pcpvt_small visformer_tiny volo_d1_224",
    "transformers": "BertModel DistilBertModel RobertaModel MPNetModel DebertaModel GPT2Model GPTNeoModel OPTModel XLNetModel FNetModel "
    "SqueezeBertModel ConvBertModel NystromformerModel RoFormerModel LayoutLMModel MambaModel ViTModel SwinModel SegformerModel "
    "MobileViTModel Dinov2Model LevitModel FocalNetModel",
}


def specimens_of(shelf: str) -> list[Specimen]:
    if not is_installed(shelf):
        pytest.skip(f"{shelf} is not installed")
    return list(SHELVES[shelf]())


def to_mutate(shelf: str) -> list[Specimen]:
    names = TO_MUTATE[shelf].split() + (MORE_TO_MUTATE[shelf].split() if FULL else [])
    chosen = [specimen for specimen in specimens_of(shelf) if specimen.name in names]
    assert chosen
    return chosen


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("shelf", SHELVES)
def test_released_models_have_no_finding(shelf: str, train: bool) -> None:
    specimens = specimens_of(shelf)
    assert len(specimens) >= FEWEST[shelf]
    rows = [check_apart(specimen, train=train) for specimen in specimens[::STRIDE]]
    print(f"\n{shelf}, {'training' if train else 'evaluation'}\n{heading()}", *map(line_of, rows), summary_of(rows), sep="\n")
    assert [line_of(row) for row in rows if row.result in ("findings", "problem")] == []


@pytest.mark.parametrize("shelf", TO_MUTATE)
def test_changed_sizes_are_found_on_their_layers(shelf: str) -> None:
    verdicts = [verdict for specimen in to_mutate(shelf) for verdict in mutants.judge_apart(specimen, per_kind=1)]
    print(f"\n{shelf}\n{mutants.table_of(verdicts)}")
    assert [verdict for verdict in verdicts if verdict.result != "ok"] == []
    assert len({verdict.kind for verdict in verdicts}) >= 4


@pytest.mark.parametrize("shelf", TO_MUTATE)
def test_silent_bugs_are_found_where_samples_can_be_compared(shelf: str) -> None:
    verdicts = [verdict for specimen in to_mutate(shelf) for verdict in silent_mutants.judge_apart(specimen, per_kind=1)]
    print(f"\n{shelf}\n{silent_mutants.table_of(verdicts)}")
    assert [v for v in verdicts if v.effect == "leak" and v.probed and not v.found] == []
    assert not any(v.kind == "not judged" for v in verdicts)
    made = Counter(verdict.kind for verdict in verdicts)
    assert made["permute as view"] + made["view that folds"] + made["samples rolled"] >= 3

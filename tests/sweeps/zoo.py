"""Models of others that are right: torchvision, timm, transformers. None may have a finding.

The package that a model comes from counts as the user's own code, so that every silent rule speaks about it too. Run as a script it prints
a table: `python -m tests.sweeps.zoo torchvision [--train] [--only SUBSTRING]`.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.sweeps.further import segmentation_models, vit_pytorch_models, x_transformers_models
from tests.sweeps.running import Row, check_apart, heading, line_of, summary_of
from tests.sweeps.specimen import Specimen


def torchvision_models() -> Iterator[Specimen]:
    """All models of torchvision, in the sizes that they are made for (videos and optical flow smaller)."""
    import torchvision

    for name in torchvision.models.list_models():
        kind = torchvision.models.get_model_builder(name).__module__
        options: dict[str, Any] = {"weights": None}
        if "detection" in kind or "segmentation" in kind:
            options["weights_backbone"] = None

        def build(name: str = name, options: dict[str, Any] = options) -> Any:
            return torchvision.models.get_model(name, **options)

        batch = True
        if "detection" in kind:
            shapes: tuple[str, ...] = ("images.0=3,320,320",)
            batch = False
        elif "video" in kind:
            shapes = ("3,16,224,224" if "mvit" in name or name == "s3d" else "3,16,112,112",)
        elif "optical_flow" in kind:
            shapes = ("3,128,128", "3,128,128")
        else:
            size = 299 if "inception" in name else 224
            shapes = (f"3,{size},{size}",)
        untrainable = "asks for targets with boxes in training mode" if "detection" in kind else ""
        yield Specimen(name, build, shapes, ("torchvision",), batch, untrainable=untrainable)


TIMM_FAMILIES = (
    "resnet18 resnetv2_50 resnext50_32x4d seresnet50 densenet121 vgg11_bn mobilenetv2_100 mobilenetv3_small_100 "
    "efficientnet_b0 tf_efficientnetv2_b0 regnetx_002 regnety_002 "
    "convnext_atto convnextv2_atto vit_tiny_patch16_224 deit_tiny_patch16_224 deit3_small_patch16_224 "
    "swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 beit_base_patch16_224 "
    "cait_xxs24_224 coat_tiny coatnet_0_224 convit_tiny convmixer_768_32 crossvit_tiny_240 cspresnet50 darknet53 davit_tiny "
    "dla34 dpn68 edgenext_xx_small efficientformer_l1 "
    "fastvit_t8 focalnet_tiny_srf gcvit_xxtiny ghostnet_100 gmixer_24_224 gmlp_s16_224 hardcorenas_a hgnetv2_b0 "
    "hrnet_w18_small inception_v3 inception_next_tiny lambda_resnet26t "
    "lcnet_050 levit_128s maxvit_tiny_tf_224 mixer_s16_224 mobilevit_xxs mobilevitv2_050 mvitv2_tiny nest_tiny nextvit_small "
    "nf_resnet50 pit_ti_224 poolformer_s12 pvt_v2_b0 "
    "repvgg_a0 res2net50_26w_4s resmlp_12_224 rexnet_100 selecsls42 sequencer2d_s skresnet18 tinynet_e tnt_s_patch16_224 "
    "tresnet_m twins_pcpvt_small visformer_tiny volo_d1_224 xcit_nano_12_p16_224"
).split()


def timm_models() -> Iterator[Specimen]:
    """One model of every family of timm, the smallest of it."""
    import timm

    known = set(timm.list_models())
    for name in TIMM_FAMILIES:
        if name not in known:
            continue
        config = timm.get_pretrained_cfg(name)
        size = config.input_size if config is not None else (3, 224, 224)

        def build(name: str = name) -> Any:
            return timm.create_model(name, pretrained=False)

        yield Specimen(name, build, (",".join(map(str, size)),), ("timm",))


TRANSFORMERS_TEXT = (
    "BertModel RobertaModel DistilBertModel AlbertModel ElectraModel MPNetModel DebertaModel DebertaV2Model GPT2Model "
    "GPTNeoModel GPTNeoXModel OPTModel LlamaModel MistralModel "
    "GemmaModel Gemma2Model Qwen2Model PhiModel FalconModel BloomModel MptModel CodeGenModel GPTJModel XLNetModel XLMModel "
    "FNetModel LongformerModel BigBirdModel SqueezeBertModel "
    "MobileBertModel ConvBertModel NystromformerModel CanineModel SplinterModel YosoModel MegatronBertModel RoFormerModel XLMRobertaModel "
    "CamembertModel MixtralModel StableLmModel Starcoder2Model "
    "CohereModel OlmoModel PersimmonModel CTRLModel ErnieModel IBertModel LayoutLMModel MraModel Olmo2Model GraniteModel "
    "T5EncoderModel ModernBertModel MambaModel RwkvModel Qwen2MoeModel"
).split()
TRANSFORMERS_VISION = (
    "ViTModel DeiTModel BeitModel SwinModel Swinv2Model ConvNextModel ConvNextV2Model ResNetModel RegNetModel PvtModel "
    "SegformerModel MobileViTModel MobileNetV2Model PoolFormerModel Dinov2Model ViTMAEModel FocalNetModel LevitModel "
).split()


def transformers_models() -> Iterator[Specimen]:
    """Models of transformers from their default configurations with two layers; those for images as they are."""
    import transformers

    for name in (*TRANSFORMERS_TEXT, *TRANSFORMERS_VISION):
        kind = getattr(transformers, name, None)
        if kind is None:
            continue
        vision = name in TRANSFORMERS_VISION

        def build(kind: Any = kind, vision: bool = vision) -> Any:
            config = kind.config_class()
            if not vision:
                for key in ("num_hidden_layers", "n_layer", "n_layers", "num_layers"):
                    if hasattr(config, key):
                        setattr(config, key, 2)
            return kind(config)

        yield Specimen(name, build, ("pixel_values=3,224,224",) if vision else ("input_ids=N,64:int64",), ("transformers",))


SHELVES: dict[str, Callable[[], Iterator[Specimen]]] = {
    "torchvision": torchvision_models,
    "timm": timm_models,
    "transformers": transformers_models,
    "vit_pytorch": vit_pytorch_models,
    "x_transformers": x_transformers_models,
    "segmentation_models_pytorch": segmentation_models,
}


def is_installed(shelf: str) -> bool:
    return importlib.util.find_spec(shelf) is not None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shelf", choices=SHELVES)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    rows: list[Row] = []
    print(heading())
    for specimen in SHELVES[args.shelf]():
        if args.only in specimen.name:
            rows.append(check_apart(specimen, train=args.train))
            print(line_of(rows[-1]), flush=True)
    print(summary_of(rows))
    return int(any(row.result in ("findings", "problem") for row in rows))


if __name__ == "__main__":
    sys.exit(main())

"""Models of others that are right: torchvision, timm, transformers. None may have a finding.

Run as a script it prints a table: `python -m tests.sweeps.zoo torchvision [--train] [--only SUBSTRING]`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Specimen:
    """One model: how to build it and the shapes that go in."""

    name: str
    build: Callable[[], Any]
    shapes: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...] = ()
    batch: bool = True


SIZES = {"inception_v3": 299, "vit_h_14": 224, "regnet": 224}


def torchvision_models() -> Iterator[Specimen]:
    import torchvision

    for name in torchvision.models.list_models():
        kind = torchvision.models.get_model_builder(name).__module__
        options: dict[str, Any] = {"weights": None}
        if "detection" in kind or "segmentation" in kind:
            options["weights_backbone"] = None

        def build(name: str = name, options: dict[str, Any] = options) -> Any:
            return torchvision.models.get_model(name, **options)

        if "detection" in kind:
            yield Specimen(name, build, (), (("images.0", "3,320,320"),), batch=False)
        elif "video" in kind:
            yield Specimen(name, build, ("3,16,224,224" if "mvit" in name else "3,16,112,112",))
        elif "optical_flow" in kind:
            yield Specimen(name, build, ("3,128,128", "3,128,128"))
        elif "quantization" in kind:
            continue
        else:
            size = SIZES.get(name, 224)
            yield Specimen(name, build, (f"3,{size},{size}",))


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
    import timm

    known = set(timm.list_models())
    for name in TIMM_FAMILIES:
        if name not in known:
            continue
        config = timm.get_pretrained_cfg(name)
        size = config.input_size if config is not None else (3, 224, 224)
        yield Specimen(name, lambda name=name: timm.create_model(name, pretrained=False), (",".join(map(str, size)),))


TRANSFORMERS_TEXT = (
    "BertModel RobertaModel DistilBertModel AlbertModel ElectraModel MPNetModel DebertaModel DebertaV2Model GPT2Model "
    "GPTNeoModel GPTNeoXModel OPTModel LlamaModel MistralModel "
    "GemmaModel Gemma2Model Qwen2Model PhiModel FalconModel BloomModel MptModel CodeGenModel GPTJModel XLNetModel XLMModel "
    "FNetModel LongformerModel BigBirdModel SqueezeBertModel "
    "MobileBertModel ConvBertModel FunnelModel NystromformerModel YosoModel MegatronBertModel RoFormerModel XLMRobertaModel "
    "CamembertModel MixtralModel StableLmModel Starcoder2Model "
    "CohereModel OlmoModel PersimmonModel CTRLModel ErnieModel IBertModel LayoutLMModel MraModel Olmo2Model GraniteModel "
    "T5EncoderModel ModernBertModel MambaModel RwkvModel Qwen2MoeModel"
).split()
TRANSFORMERS_VISION = (
    "ViTModel DeiTModel BeitModel SwinModel Swinv2Model ConvNextModel ConvNextV2Model ResNetModel RegNetModel PvtModel "
    "SegformerModel MobileViTModel MobileNetV2Model PoolFormerModel Dinov2Model ViTMAEModel FocalNetModel LevitModel "
).split()


def transformers_models() -> Iterator[Specimen]:
    import transformers

    small = {
        "num_hidden_layers": 2,
        "n_layer": 2,
        "n_layers": 2,
        "num_layers": 2,
        "hidden_size": 64,
        "n_embd": 64,
        "dim": 64,
        "d_model": 64,
        "num_attention_heads": 4,
        "n_head": 4,
        "n_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 500,
    }
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
                        setattr(config, key, small[key])
            return kind(config)

        if vision:
            yield Specimen(name, build, (), (("pixel_values", "3,224,224"),))
        else:
            yield Specimen(name, build, (), (("input_ids", "N,64:int64"),))


SHELVES = {"torchvision": torchvision_models, "timm": timm_models, "transformers": transformers_models}


def check_specimen(specimen: Specimen, *, train: bool = False) -> Any:
    import linearcheck

    return linearcheck.check(specimen.build, *specimen.shapes, inputs=dict(specimen.inputs), batch=specimen.batch, train=train)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shelf", choices=SHELVES)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    for specimen in SHELVES[args.shelf]():
        if args.only not in specimen.name:
            continue
        began = time.perf_counter()
        report = check_specimen(specimen, train=args.train)
        model = report.models[0]
        counts[f"{model.status} {model.traced or ''}".strip()] += 1
        found = [f"{d.code} {d.message}" for d in model.diagnostics]
        print(
            f"{specimen.name:40} {model.status:9} {model.traced or '':6} {time.perf_counter() - began:6.2f} s  {' | '.join(found)[:300]}",
            flush=True,
        )
    print(dict(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Three further packages: vit-pytorch, x-transformers and segmentation-models-pytorch, each class with its documented arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from tests.sweeps.specimen import Specimen

# Arguments that nearly all classes of vit-pytorch ask for, small enough for a quick check.
IMAGE: dict[str, Any] = {
    "image_size": 64,
    "img_size": 64,
    "patch_size": 8,
    "num_classes": 10,
    "dim": 64,
    "depth": 2,
    "heads": 4,
    "mlp_dim": 128,
    "cls_depth": 1,
    "frames": 8,
    "frame_patch_size": 2,
    "image_patch_size": 8,
    "seq_len": 64,
    "spatial_depth": 2,
    "temporal_depth": 2,
}
# Release 1.26 normalises the 64 channels of (N, 64, 8, 8) along the width: PyTorch refuses every input of this class.
WRONG = {"local_vit.LocalViT": "LC302"}
PICTURE, VIDEO, SERIES = ("3,64,64",), ("3,8,64,64",), ("3,64",)
LARGE = ("3,224,224",)

VIT_PYTORCH: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "ats_vit.ViT": ({"max_tokens_per_depth": (32, 16)}, PICTURE),
    "attn_residual_with_dca_simple_vit.SimpleViT": ({}, PICTURE),
    "cait.CaiT": ({}, PICTURE),
    "cct.CCT": ({"img_size": 64, "embedding_dim": 64, "num_layers": 2, "num_heads": 4, "mlp_ratio": 2.0, "num_classes": 10}, PICTURE),
    "cct_3d.CCT": (
        {"img_size": 64, "num_frames": 8, "embedding_dim": 64, "num_layers": 2, "num_heads": 4, "mlp_ratio": 2.0, "num_classes": 10},
        VIDEO,
    ),
    "cross_vit.CrossViT": ({"image_size": 256, "sm_dim": 64, "lg_dim": 96, "sm_patch_size": 16, "lg_patch_size": 64}, ("3,256,256",)),
    "crossformer.CrossFormer": ({}, LARGE),
    "cvt.CvT": ({}, LARGE),
    "deepvit.DeepViT": ({}, PICTURE),
    "jet_vit.JetViT": ({}, PICTURE),
    "jumbo_vit.JumboViT": ({}, PICTURE),
    "learnable_memory_vit.ViT": ({}, PICTURE),
    "levit.LeViT": ({"image_size": 224, "dim": (64, 96, 128), "depth": 2, "heads": (2, 3, 4), "mlp_mult": 2}, LARGE),
    "levjepa.VideoTransformer": ({}, VIDEO),
    "local_vit.LocalViT": ({}, PICTURE),
    "look_vit.LookViT": ({"image_size": 256, "patch_size": 32, "highres_patch_size": 16}, ("3,256,256",)),
    "looped_vit.LoopedViT": (
        {"image_size": 64, "patch_size": 8, "pre_loop_depth": 1, "num_looped_blocks": 2, "post_loop_depth": 1, "loop_depth": 2},
        PICTURE,
    ),
    "max_vit.MaxViT": ({"dim_conv_stem": 32, "depth": (1, 1), "dim": 32}, LARGE),
    "max_vit_with_registers.MaxViT": ({"dim_conv_stem": 32, "depth": (1, 1), "dim": 32}, LARGE),
    "mobile_vit.MobileViT": (
        {"image_size": (256, 256), "dims": [96, 120, 144], "channels": [16, 32, 48, 48, 64, 64, 80, 80, 96, 96, 384], "num_classes": 10},
        ("3,256,256",),
    ),
    "mp3.ViT": ({}, PICTURE),
    "na_vit.NaViT": ({}, ("batched_images.0=3,64,64",)),
    "nest.NesT": ({"image_size": 224, "patch_size": 4, "num_hierarchies": 3, "block_repeats": (1, 1, 2)}, LARGE),
    "normalized_vit.nViT": ({}, PICTURE),
    "parallel_vit.ViT": ({}, PICTURE),
    "pit.PiT": ({"depth": (1, 1, 1)}, PICTURE),
    "regionvit.RegionViT": ({"dim": (32, 64, 96, 128), "depth": (1, 1, 1, 1)}, LARGE),
    "rvt.RvT": ({}, PICTURE),
    "scalable_vit.ScalableViT": (
        {
            "dim": 32,
            "heads": (2, 4, 8, 16),
            "depth": (1, 1, 2, 1),
            "ssa_dim_key": (40, 40, 40, 32),
            "reduction_factor": (8, 4, 2, 1),
            "window_size": (64, 32, None, None),
        },
        ("3,256,256",),
    ),
    "sep_vit.SepViT": ({"dim": 32, "depth": (1, 1, 1, 1), "heads": (1, 2, 4, 8)}, LARGE),
    "simple_flash_attn_vit.SimpleViT": ({}, PICTURE),
    "simple_flash_attn_vit_3d.SimpleViT": ({}, VIDEO),
    "simple_uvit.SimpleUViT": ({}, PICTURE),
    "simple_vit.SimpleViT": ({}, PICTURE),
    "simple_vit_1d.SimpleViT": ({}, SERIES),
    "simple_vit_3d.SimpleViT": ({}, VIDEO),
    "simple_vit_attn_residual.SimpleViTAttnResidual": ({}, PICTURE),
    "simple_vit_orthog_residual_update.SimpleViT": ({}, PICTURE),
    "simple_vit_with_fft.SimpleViT": ({"freq_patch_size": 8}, PICTURE),
    "simple_vit_with_hyper_connections.SimpleViT": ({"num_residual_streams": 4}, PICTURE),
    "simple_vit_with_patch_dropout.SimpleViT": ({}, PICTURE),
    "simple_vit_with_qk_norm.SimpleViT": ({}, PICTURE),
    "simple_vit_with_register_tokens.SimpleViT": ({}, PICTURE),
    "simple_vit_with_relative_proj_pos_bias.SimpleViT": ({}, PICTURE),
    "simple_vit_with_sparse_gating.SimpleViTWithSparseGating": ({}, PICTURE),
    "simple_vit_with_specialized_cls.SimpleViT": ({}, PICTURE),
    "simple_vit_with_value_residual.SimpleViT": ({}, PICTURE),
    "t2t.T2TViT": ({"image_size": 224, "depth": 2, "heads": 4, "mlp_dim": 128}, LARGE),
    "twins_svt.TwinsSVT": ({"num_classes": 10}, LARGE),
    "vat.ViT": ({}, PICTURE),
    "vat_siglip.SigLIP": ({"image_size": 56, "patch_size": 14}, ("3,56,56",)),
    "vit.ViT": ({}, PICTURE),
    "vit_1d.ViT": ({}, SERIES),
    "vit_3d.ViT": ({}, VIDEO),
    "vit_5.ViT": ({}, PICTURE),
    "vit_detpool.ViTDetPool": ({}, PICTURE),
    "vit_for_small_dataset.ViT": ({}, PICTURE),
    "vit_nd.ViTND": ({"ndim": 3, "input_shape": (8, 32, 32), "patch_size": (4, 8, 8)}, ("3,8,32,32",)),
    "vit_nd_pope.ViTND": ({"ndim": 3, "input_shape": (8, 32, 32), "patch_size": (4, 8, 8)}, ("3,8,32,32",)),
    "vit_nd_rotary.ViTND": ({"ndim": 3, "input_shape": (8, 32, 32), "patch_size": (4, 8, 8)}, ("3,8,32,32",)),
    "vit_with_decorr.ViT": ({}, PICTURE),
    "vit_with_keel_post_ln.ViT": ({}, PICTURE),
    "vit_with_patch_dropout.ViT": ({}, PICTURE),
    "vit_with_patch_merger.ViT": ({"patch_merge_layer": 1}, PICTURE),
    "vivit.ViViT": ({}, VIDEO),
    "vivit_with_moss.ViViT": ({}, VIDEO),
    "xcit.XCiT": ({}, PICTURE),
}


def vit_pytorch_models() -> Iterator[Specimen]:
    """Every class of vit-pytorch that takes images, videos or series; wrappers that train another model are left out."""
    for name, (options, shapes) in VIT_PYTORCH.items():
        home, _, kind = name.partition(".")

        def build(home: str = home, kind: str = kind, options: dict[str, Any] = options) -> Any:
            cls = getattr(importlib.import_module(f"vit_pytorch.{home}"), kind)
            wanted = inspect.signature(cls).parameters.values()
            filled = {p.name: IMAGE[p.name] for p in wanted if p.default is p.empty and p.name in IMAGE}
            return cls(**{**filled, **options})

        yield Specimen(name, build, shapes, ("vit_pytorch",), batch=not shapes[0].startswith("batched_images"), wrong=WRONG.get(name, ""))


TOKENS = ("N,32:int64",)
SMALL = {"dim": 64, "depth": 2, "heads": 4}

# What the README of x-transformers shows, option by option, for a decoder.
X_OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "flash": {"attn_flash": True},
    "memory tokens": {"num_memory_tokens": 4},
    "memory key-values": {"attn_num_mem_kv": 4},
    "rmsnorm": {"use_rmsnorm": True},
    "simple rmsnorm": {"use_simple_rmsnorm": True},
    "glu": {"ff_glu": True},
    "relu squared": {"ff_relu_squared": True},
    "no bias": {"ff_no_bias": True},
    "sparse top-k": {"attn_sparse_topk": 8},
    "talking heads": {"attn_pre_talking_heads": True},
    "one key-value head": {"attn_one_kv_head": True},
    "grouped queries": {"attn_kv_heads": 2},
    "attention on attention": {"attn_on_attn": True},
    "gated values": {"attn_gate_values": True},
    "sandwich": {"sandwich_coef": 1},
    "macaron": {"macaron": True},
    "t5 bias": {"rel_pos_bias": True},
    "dynamic position bias": {"dynamic_pos_bias": True},
    "alibi": {"alibi_pos_bias": True},
    "rotary": {"rotary_pos_emb": True},
    "rotary xpos": {"rotary_xpos": True},
    "shifted tokens": {"shift_tokens": 1},
    "sandwich norm": {"sandwich_norm": True},
    "residual attention": {"residual_attn": True},
    "gated residual": {"gate_residual": True},
    "qk norm": {"attn_qk_norm": True},
    "scaled residual": {"scale_residual": True},
    "deep norm": {"pre_norm": False, "scale_residual": True},
    "value residual": {"add_value_residual": True},
    "hyper connections": {"num_residual_streams": 4},
}


def x_transformers_models() -> Iterator[Specimen]:
    """The decoder with every option of the README, and the other classes of x-transformers."""
    package = ("x_transformers",)

    def wrapper(options: dict[str, Any], layers: str = "Decoder", **wrapping: Any) -> Callable[[], Any]:
        def build() -> Any:
            x = importlib.import_module("x_transformers")
            return x.TransformerWrapper(num_tokens=256, max_seq_len=64, attn_layers=getattr(x, layers)(**SMALL, **options), **wrapping)

        return build

    for name, options in X_OPTIONS.items():
        wrapping = {"num_memory_tokens": options["num_memory_tokens"]} if "num_memory_tokens" in options else {}
        rest = {key: value for key, value in options.items() if key not in wrapping}
        yield Specimen(f"decoder, {name}", wrapper(rest, **wrapping), TOKENS, package)
    yield Specimen("encoder", wrapper({}, "Encoder"), TOKENS, package)
    yield Specimen("encoder, cls token", wrapper({}, "Encoder", use_cls_token=True, logits_dim=10), TOKENS, package)
    yield Specimen("encoder, pooled", wrapper({}, "Encoder", average_pool_embed=True, logits_dim=10), TOKENS, package)
    yield Specimen("decoder, factored embeddings", wrapper({}, emb_dim=32), TOKENS, package)
    yield Specimen("decoder, normalised embeddings", wrapper({}, l2norm_embed=True), TOKENS, package)

    def made(name: str, **options: Any) -> Callable[[], Any]:
        def build() -> Any:
            x = importlib.import_module("x_transformers")
            given = {key: value(x) if callable(value) else value for key, value in options.items()}
            return getattr(x, name)(**given)

        return build

    image = made("ViTransformerWrapper", image_size=32, patch_size=8, num_classes=10, attn_layers=lambda x: x.Encoder(**SMALL))
    yield Specimen("image encoder", image, ("3,32,32",), package)
    continuous = made("ContinuousTransformerWrapper", dim_in=16, dim_out=20, max_seq_len=64, attn_layers=lambda x: x.Encoder(**SMALL))
    yield Specimen("continuous", continuous, ("N,32,16",), package)
    decoder = wrapper({})
    yield Specimen("autoregressive loss", made("AutoregressiveWrapper", net=lambda _: decoder()), TOKENS, package)
    nets = {
        f"{side}_{key}": value
        for side in ("enc", "dec")
        for key, value in {"num_tokens": 100, "max_seq_len": 64, **SMALL}.items()
        if key != "dim"
    }
    yield Specimen("encoder and decoder", made("XTransformer", dim=64, **nets), ("N,32:int64", "N,24:int64"), package)


ENCODERS = ("resnet18", "mobilenet_v2", "efficientnet-b0")
DECODERS = "Unet UnetPlusPlus MAnet Linknet FPN PSPNet PAN DeepLabV3 DeepLabV3Plus UPerNet Segformer".split()


def segmentation_models() -> Iterator[Specimen]:
    """Every architecture of segmentation-models-pytorch on three encoders, without weights; the first with a classifier beside it too."""
    package = ("segmentation_models_pytorch",)

    def made(decoder: str, encoder: str, **options: Any) -> Callable[[], Any]:
        def build() -> Any:
            smp = importlib.import_module("segmentation_models_pytorch")
            return getattr(smp, decoder)(encoder_name=encoder, encoder_weights=None, in_channels=3, classes=5, **options)

        return build

    for decoder in DECODERS:
        for encoder in ENCODERS:
            yield Specimen(f"{decoder} on {encoder}", made(decoder, encoder), ("3,128,128",), package)
    yield Specimen("Unet with a classifier", made("Unet", "resnet18", aux_params={"classes": 4, "dropout": 0.2}), ("3,128,128",), package)
    yield Specimen("Unet with scse", made("Unet", "resnet18", decoder_attention_type="scse"), ("3,128,128",), package)

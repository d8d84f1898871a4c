"""Sizes of the samples of well-known data sets, after their own pages, and what the usual transforms make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

CHANNELS_OF_COLOUR = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a data set: channels, height and width (None where every file has its own), or a flat vector."""

    channels: int | None = None
    size: tuple[int | None, int | None] = (None, None)
    features: int | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self.features,) if self.features is not None else (self.channels, *self.size)

    @property
    def is_known(self) -> bool:
        return all(size is not None for size in self.shape)


def _image(channels: int, height: int | None = None, width: int | None = None) -> Sample:
    return Sample(channels, (height, width if width is not None else height))


IMAGES = {
    **dict.fromkeys(("MNIST", "FashionMNIST", "KMNIST", "EMNIST", "QMNIST", "MovingMNIST"), _image(1, 28)),
    "USPS": _image(1, 16),
    "Omniglot": _image(1, 105),
    "FER2013": _image(1, 48),
    **dict.fromkeys(("CIFAR10", "CIFAR100", "SVHN"), _image(3, 32)),
    "STL10": _image(3, 96),
    "PCAM": _image(3, 96),
    "EuroSAT": _image(3, 64),
    "FakeData": _image(3, 224),
    "CelebA": _image(3, 218, 178),
    "LFWPeople": _image(3, 250),
    "Cityscapes": _image(3, 1024, 2048),
    **dict.fromkeys(
        (
            "ImageFolder", "DatasetFolder", "ImageNet", "Imagenette", "OxfordIIITPet", "Flowers102", "Food101", "Caltech101", "Caltech256",
            "StanfordCars", "FGVCAircraft", "DTD", "GTSRB", "Places365", "SUN397", "Country211", "INaturalist", "LSUN", "CocoDetection",
            "VOCSegmentation", "VOCDetection", "RenderedSST2", "SEMEION",
        ),
        _image(3),
    ),
}  # fmt: skip

HUB_NAMES = {
    "mnist": IMAGES["MNIST"],
    "ylecun/mnist": IMAGES["MNIST"],
    "fashion_mnist": IMAGES["MNIST"],
    "zalando-datasets/fashion_mnist": IMAGES["MNIST"],
    "cifar10": IMAGES["CIFAR10"],
    "uoft-cs/cifar10": IMAGES["CIFAR10"],
    "cifar100": IMAGES["CIFAR100"],
}

TABLES = {
    "load_iris": Sample(features=4),
    "load_wine": Sample(features=13),
    "load_breast_cancer": Sample(features=30),
    "load_diabetes": Sample(features=10),
    "load_digits": Sample(features=64),
    "load_boston": Sample(features=13),
    "fetch_california_housing": Sample(features=8),
    "fetch_covtype": Sample(features=54),
}


def transformed(sample: Sample, name: str, values: tuple[object, ...]) -> Sample:
    """The sample after one transform of torchvision (or albumentations), given its positional values in order.

    `Resize(s)` with one number scales the shorter side: a square stays a square, what is not known stays so until a crop.
    """
    sizes = _pair(values)
    if name in ("CenterCrop", "RandomCrop", "RandomResizedCrop", "RandomSizedCrop") and sizes is not None:
        return replace(sample, size=sizes)
    if name in ("Resize", "Scale") and sizes is not None:
        is_one_number = isinstance(values[0], int) and not (len(values) > 1 and isinstance(values[1], int))
        is_square = sample.size[0] == sample.size[1]  # files of their own sizes are (None, None): taken for squares, for want of a crop
        return replace(sample, size=sizes) if is_square or not is_one_number else sample
    if name == "Grayscale":
        return replace(sample, channels=next((v for v in values if isinstance(v, int)), 1))
    if name == "Pad" and values and isinstance(values[0], int) and sample.size[0] is not None and sample.size[1] is not None:
        return replace(sample, size=(sample.size[0] + 2 * values[0], sample.size[1] + 2 * values[0]))
    return sample


def _pair(values: tuple[object, ...]) -> tuple[int, int] | None:
    """Height and width, as two numbers, a pair of them or one for both."""
    if values and isinstance(values[0], tuple | list) and len(values[0]) == 2 and all(isinstance(v, int) for v in values[0]):
        return (values[0][0], values[0][1])
    if len(values) >= 2 and isinstance(values[0], int) and isinstance(values[1], int):
        return (values[0], values[1])
    if values and isinstance(values[0], int):
        return (values[0], values[0])
    return None

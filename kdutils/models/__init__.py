"""Small nets of the field. Each takes uint8 images and returns raw logits (N, classes)."""

from kdutils.models.convnets import plain_cnn, resnet, svhn_cnn, tfkd_cnn, vgg
from kdutils.models.create import MODELS, cnn, create, mlp

__all__ = [
    "MODELS",
    "cnn",
    "create",
    "mlp",
    "plain_cnn",
    "resnet",
    "svhn_cnn",
    "tfkd_cnn",
    "vgg",
]

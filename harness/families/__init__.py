"""The kinds of models, by the names that recipes use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.error_location import defined_class
from harness.core.errors import BadInput
from harness.core.registry import Registry, article
from harness.families.base import Family, FamilySettings, ImageShape


def _fault(found: object) -> str:
    """Why a suite's or another package's object is no family that can be built."""
    if not (isinstance(found, type) and issubclass(found, Family)):
        return f"is {article(found)}, not a class that extends Family of harness.families.base"
    settings, place = getattr(found, "Settings", None), defined_class(found)
    if not (isinstance(settings, type) and issubclass(settings, FamilySettings)):
        said = f"whose Settings are {settings!r}" if settings else "has no Settings"
        return f"{said}: give it a class that extends FamilySettings, or that itself ({place})"
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        return f"has no method {' and no '.join(missing)} ({place})"
    return ""


FAMILIES = Registry(
    "family",
    "harness.families",
    {
        "autoencoder": "harness.families.autoencoder:Autoencoder",
        "adversarial-autoencoder": "harness.families.code_adversary:AdversarialAutoencoder",
        "stacked-autoencoder": "harness.families.stacked_autoencoder:StackedAutoencoder",
        "masked-autoencoder": "harness.families.masked_autoencoder:MaskedAutoencoder",
        "prior-autoencoder": "harness.families.prior_autoencoder:PriorAutoencoder",
        "deep-svdd": "harness.families.deep_svdd:DeepSVDD",
        "inpainting": "harness.families.inpainting:Inpainting",
        "vae": "harness.families.vae:VAE",
        "vae-gan": "harness.families.vae_gan:VAEGAN",
        "factor-vae": "harness.families.factor_vae:FactorVAE",
        "contrastive": "harness.families.contrastive:Contrastive",
        "conditional-vae": "harness.families.vae_variants:ConditionalVAE",
        "mixture-vae": "harness.families.code_density:MixtureVAE",
        "spatial-vae": "harness.families.vae_variants:SpatialVAE",
        "autoregressive-vae": "harness.families.vae_variants:AutoregressiveVAE",
        "vq": "harness.families.vq:VQ",
        "vq-gan": "harness.families.vq_gan:VQGAN",
        "gan": "harness.families.gan:GAN",
        "progressive-gan": "harness.families.progressive:ProgressiveGAN",
        "text-gan": "harness.families.text_gan:TextGAN",
        "stylegan": "harness.families.stylegan:StyleGAN",
        "diffusion": "harness.families.diffusion:Diffusion",
        "pretrained-text-diffusion": "harness.families.pretrained_text:PretrainedTextDiffusion",
        "learned-variance-diffusion": "harness.families.learned_variance:LearnedVariance",
        "few-images-diffusion": "harness.families.few_images:FewImages",
        "latent-diffusion": "harness.families.latent_diffusion:LatentDiffusion",
        "classifier-guided-diffusion": "harness.families.classifier_guided:ClassifierGuided",
        "video-diffusion": "harness.families.video_diffusion:VideoDiffusion",
        "restoring-diffusion": "harness.families.restoring_diffusion:RestoringDiffusion",
        "repaint": "harness.families.repaint:Repaint",
        "distilled-diffusion": "harness.families.distillation:Distillation",
        "consistency": "harness.families.consistency:ConsistencyModel",
        "flow": "harness.families.flow:Flow",
        "rectified-flow": "harness.families.rectified_flow:RectifiedFlow",
        "translation": "harness.families.translation:Translation",
        "pix2pix": "harness.families.pix2pix:Pix2Pix",
        "cyclegan": "harness.families.cyclegan:CycleGAN",
        "gaussian-autoencoder": "harness.families.code_density:GaussianAutoencoder",
        "mixture-autoencoder": "harness.families.code_density:MixtureAutoencoder",
        "mean-image": "harness.families.fitted:FittedMean",
        "pca": "harness.families.fitted:PCA",
        "jpeg": "harness.families.jpeg:JPEG",
        "pretrained": "harness.families.pretrained.model:Pretrained",
        "pretrained-autoencoder": (
            "harness.families.pretrained.autoencoder_model:PretrainedAutoencoder"
        ),
        "pixels": "harness.families.real_images:Pixels",
        "disturbed": "harness.families.real_images:Disturbed",
        "few-per-class": "harness.families.real_images:FewPerClass",
    },
    _fault,
)


def build_family(name: str, settings: Mapping[str, Any], shape: ImageShape) -> Family:
    """An untrained model: family `name` configured by a recipe's `settings`, for images of `shape`.

    Raises BadInput for an unknown family, a shape it cannot take or a moving average that it does
    not keep, pydantic's ValidationError for settings that are wrong.
    """
    family: type[Family] = FAMILIES.load(name)
    model = family(family.Settings.model_validate(settings), shape)
    if model.settings.ema and not model.averaged:
        raise BadInput(f"ema: {name} keeps no moving average of its weights; leave it out")
    return model

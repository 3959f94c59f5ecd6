"""The options of `harness score`, in groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from harness.cli import options, suite_options
from harness.core.errors import BadInput

if TYPE_CHECKING:
    from harness.data.image_files import ImageResize
    from harness.evaluation.profiles import Profile
    from harness.evaluation.specs import Role
    from harness.families.pretrained.generator import ImageGenerator
    from harness.scoring.extras import Extras
    from harness.scoring.reconstructions import AutoencoderRequest
    from harness.scoring.variations import Variations
    from harness.tracking import Store
    from harness.training.numerics import Numerics

SHORT_FLAGS = {"count": "-n", "value_range": "--range"}
"""Options of models whose names on the command line are not those of their fields."""
VARIATIONS = ("y_channel", "crop_border", "kid_subset_size")
"""The options that change the settings of metrics."""


@dataclass(frozen=True)
class SetOptions:
    """What samples are compared with, and how images are read."""

    HELP_PANEL: ClassVar = "Sets of images"

    reference: Annotated[
        str | None,
        typer.Option(
            help="What to compare with: the same forms, e.g. cifar10:test, or an .npz of mu and "
            "sigma."
        ),
    ] = None
    train: Annotated[
        str | None,
        typer.Option(
            help="The images that the model was trained on. Default: the train split of the "
            "reference's dataset."
        ),
    ] = None
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs",
            help="Compare image by image, matched by name. A model is given the reference, and "
            "what it gives back is compared.",
        ),
    ] = False
    draws: Annotated[
        bool,
        typer.Option(
            "--draws", help="Take several sets for draws of one model's samples, and report means."
        ),
    ] = False
    captions: Annotated[
        Path | None,
        typer.Option(
            help="The text of each sample: a .csv (file,caption), a .jsonl of such, or a "
            "metadata.jsonl."
        ),
    ] = None
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="A name for each set of samples. Repeatable. Default: the path as given."
        ),
    ] = None
    resize: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE[:FILTER]",
            help="Resize all images to SIZE×SIZE pixels. FILTER is bicubic, bilinear, box or "
            "lanczos. Default filter: bicubic.",
        ),
    ] = None

    def image_resize(self) -> ImageResize | None:
        """What `--resize` asks for. Raises BadInput where it cannot be read."""
        return parse_resize(self.resize) if self.resize else None


@dataclass(frozen=True)
class MetricOptions:
    """Which metrics are measured, through which networks and with which settings."""

    HELP_PANEL: ClassVar = "Metrics"

    metrics: Annotated[
        list[str] | None,
        typer.Option(help="Only these, e.g. fid,kid. Default: those that suit the sets."),
    ] = None
    extractor: options.ScoringExtractor = None
    perceptual: options.ScoringPerceptual = None
    text: Annotated[
        str | None,
        typer.Option(help="Network of the CLIP score: clip or clip:NAME. Default: clip."),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(
            help="Metrics and networks as another library defines them: torch-fidelity, "
            "clean-fid, torchmetrics, scikit-image, piq, adm or edm."
        ),
    ] = None
    y_channel: Annotated[
        bool,
        typer.Option("--y-channel", help="PSNR and SSIM of the Y channel (BT.601)."),
    ] = False
    crop_border: Annotated[
        int,
        typer.Option(help="Pixels to leave out at each border of pairs.", show_default=False),
    ] = 0
    kid_subset_size: Annotated[
        int | None,
        typer.Option(help="Images in a subset of KID. Default: 1000, or half of a smaller set."),
    ] = None

    def names(self) -> list[str] | None:
        """The names of the metrics; None where none is named."""
        return options.words(self.metrics)

    def networks(self) -> Mapping[Role, str | None]:
        """The names of the feature networks by role."""
        return {"extractor": self.extractor, "perceptual": self.perceptual, "text": self.text}

    def definitions(self) -> Profile | Variations:
        """The profile, or else the metrics' settings. Raises BadInput for an unknown profile and
        for settings out of range.
        """
        from harness.scoring import load_profile
        from harness.scoring.variations import Variations

        if self.profile:
            return load_profile(self.profile)
        return Variations(self.y_channel, self.crop_border, self.kid_subset_size)


@dataclass(frozen=True)
class ModelOptions:
    """How samples are drawn of a model that is named in place of images."""

    HELP_PANEL: ClassVar = "Models"

    count: Annotated[
        int,
        typer.Option(
            "-n",
            "--count",
            help="Samples to draw of each model. Default: as many as there are reference images "
            "or captions.",
            min=0,
            show_default=False,
        ),
    ] = 0
    seed: Annotated[
        int | None,
        typer.Option(
            help="The seed that samples are drawn with. Default: 0, or that of the run.", min=0
        ),
    ] = None
    classes: Annotated[
        int,
        typer.Option(
            help="Ask for as many samples of each of N classes. Default: the classes of the "
            "reference's images.",
            min=0,
            show_default=False,
        ),
    ] = 0
    value_range: Annotated[
        Literal["-1..1", "0..1"],
        typer.Option("--range", help="Where the model's floating-point values lie."),
    ] = "-1..1"
    latent: Annotated[
        str | None,
        typer.Option(help="The shape of one latent: 128, or 4x32x32. Default: what the file says."),
    ] = None
    latent_distribution: Annotated[
        Literal["normal", "uniform", "sphere"],
        typer.Option(help="The distribution of latents."),
    ] = "normal"
    images_at_once: Annotated[
        int, typer.Option(help="Images that the model makes in one call.", min=1, max=100)
    ] = 100
    argument: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A further argument of a function or a pipeline, e.g. num_inference_steps=50. "
            "Repeatable.",
        ),
    ] = None
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run code that comes with a pipeline."),
    ] = False

    def open(
        self, place: str, open_store: Callable[[], Store], data_root: Path | None
    ) -> ImageGenerator:
        """Opens the model at a place. Raises BadInput where it cannot be opened."""
        from harness.scoring.models import open_model

        settings = {
            "value_range": self.value_range,
            "latent": self._latent_shape(),
            "latent_distribution": self.latent_distribution,
            "images_at_once": self.images_at_once,
            "arguments": dict(map(_argument, self.argument or ())),
            "trust_remote_code": self.trust_remote_code,
        }
        return open_model(place, settings, open_store, data_root)

    def check_unused(
        self,
        reason: str = "is for models, and the samples are images",
        but: Collection[str] = (),
    ) -> None:
        """Raise BadInput, with the reason, where an option is set that concerns models alone; `but`
        has the names of options that may be.
        """
        for option in fields(self):
            if option.name not in but and getattr(self, option.name) != option.default:
                flag = SHORT_FLAGS.get(option.name, f"--{option.name.replace('_', '-')}")
                raise BadInput(f"{flag} {reason}")

    def _latent_shape(self) -> tuple[int, ...]:
        """The sides of one latent. Raises BadInput where they cannot be read."""
        sides = self.latent.replace("×", "x").split("x") if self.latent else []
        if not all(side.isdecimal() and int(side) for side in sides):
            raise BadInput(f"--latent {self.latent}: sides are needed, such as 128 or 4x32x32")
        return tuple(map(int, sides))


@dataclass(frozen=True)
class FileOptions:
    """What is made beside the numbers, and where the numbers go."""

    HELP_PANEL: ClassVar = "Files and logs"

    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="FID and KID by the number of samples, and the FID of infinitely many."
        ),
    ] = False
    gallery: Annotated[
        Path | None,
        typer.Option(help="Write a PNG: samples beside their nearest training images."),
    ] = None
    per_image: Annotated[
        Path | None,
        typer.Option(
            help="Write a table of each image's values (.csv or .jsonl), of the metrics that are a "
            "mean over images."
        ),
    ] = None
    save_statistics: Annotated[
        Path | None,
        typer.Option(
            help="Write the statistics of the samples' features (.safetensors), to be merged or "
            "compared later."
        ),
    ] = None
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", help="Write all numbers, the sets and the environment to this file."
        ),
    ] = None
    log: Annotated[
        bool,
        typer.Option("--log", help="Log to MLflow, in the experiment “score”."),
    ] = False

    def files(self) -> tuple[Path | None, ...]:
        """The files to write."""
        return self.json_file, self.gallery, self.save_statistics, self.per_image

    def extras(self) -> Extras:
        """What is made beside the numbers."""
        from harness.scoring.extras import Extras

        return Extras(self.curve, self.gallery, self.save_statistics, self.per_image)


@dataclass(frozen=True)
class ScoreOptions:
    """All that `harness score` is called with."""

    samples: Annotated[
        list[str],
        typer.Argument(
            metavar="SAMPLES…",
            help="A folder or .zip of images, an image, a pattern (out/*.png), an .npz or .npy of "
            "uint8 N×H×W×C, a dataset's split, or a model: package.module:callable, a .pt2, .pt or "
            ".onnx file, a diffusers pipeline (a folder or hf:REPO). Several are scored one by "
            "one, or together with --draws. Files that --save-statistics wrote are merged.",
        ),
    ]
    sets: SetOptions = SetOptions()
    metrics: MetricOptions = MetricOptions()
    models: ModelOptions = ModelOptions()
    files: FileOptions = FileOptions()
    compute: suite_options.ComputeOptions = field(default_factory=suite_options.ComputeOptions)
    results: suite_options.StoreOptions = field(default_factory=suite_options.StoreOptions)

    def numerics(self) -> Numerics:
        """How networks are computed: on the device, with all cores."""
        from harness.training.numerics import Numerics, cores

        return Numerics.resolve(self.compute.device, threads=cores())

    def autoencoders(self, numerics: Numerics) -> AutoencoderRequest:
        """How autoencoders are opened, to be scored with --pairs."""
        from harness.scoring.reconstructions import AutoencoderRequest

        models = self.models
        return AutoencoderRequest(
            models.value_range,
            models.images_at_once,
            self.results.open_existing,
            self.compute.data_root,
            numerics,
        )

    def check_files(self) -> None:
        """Raise BadInput where a file cannot be written, is an input, or has a wrong suffix."""
        from harness.data.output_files import check_suffix

        sets, files = self.sets, self.files
        options.check_output_options(
            files.files(),
            (*self.samples, sets.reference, sets.train, sets.captions),
            self.compute.data_root,
            self.results.file(),
        )
        if files.gallery:
            check_suffix(files.gallery, "--gallery", "a PNG", ".png")
        if files.json_file:
            check_suffix(files.json_file, "--json", "JSON", ".json")


def _argument(text: str) -> tuple[str, bool | int | float | str]:
    """Read `name=value`: a number or true or false where it is one, else text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise BadInput(f"--argument {text}: NAME=VALUE is needed, such as num_inference_steps=50")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    for read in (int, float):
        with suppress(ValueError):
            return name, read(value)
    return name, value


def parse_resize(text: str) -> ImageResize:
    """Read `64` or `64:lanczos`. Raises BadInput for anything else."""
    from harness.data.image_files import ImageResize
    from harness.data.resizing import FILTERS, read_filter, read_size

    size, colon, filter_name = text.partition(":")
    if colon and not filter_name:
        raise BadInput(
            f"--resize {text} names no filter after the colon; one of {', '.join(FILTERS)}, or "
            f"{size} alone for bicubic"
        )
    values = {"size": size} | ({"filter": filter_name} if filter_name else {})
    pixels = read_size("--resize", values)
    assert pixels is not None  # the size is given
    return ImageResize(pixels, read_filter("--resize", values))

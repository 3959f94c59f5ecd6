"""Pictures of what a model makes and has learnt, as PNG files.

A picture is declared beside the function that draws it (`declaration.py`). Every module of this
package is imported in the order in which reports show their pictures.
"""

from importlib import import_module

from harness.evaluation.pictures.declaration import (
    PICTURES,
    SAMPLES,
    chosen_pictures,
    may_have_picture,
    picture_name,
)

__all__ = ["PICTURES", "SAMPLES", "chosen_pictures", "may_have_picture", "picture_name"]

for _module in (
    "images",
    "ranked",
    "latent",
    "code_map",
    "weights",
    "codebook",
    "anomalies",
    "training",
    "styles",
):
    import_module(f"{__name__}.{_module}")

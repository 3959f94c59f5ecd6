"""`harness score`: the command line of two jobs, sets of images and saved statistics."""

from __future__ import annotations

from harness.cli import option_groups
from harness.cli.score_options import ScoreOptions


@option_groups.with_option_groups
def score(request: ScoreOptions) -> None:
    """Measure a folder or an array of images against a reference, without a suite.

    Against a dataset's split, numbers have the protocol of a suite's and rank beside them.

    **Examples**

        harness score samples/ --reference cifar10:test

        harness score samples.npz --reference real/ --metrics fid,kid

        harness score 1.npz 2.npz 3.npz --draws --reference cifar10:test

        harness score decoded/ --reference originals/ --pairs

        harness score autoencoder.pt2 --reference cifar10:test --pairs

        harness score a/ b/ --name ours --name theirs --reference real/

        harness score "out/*_fake.png" --reference "out/*_real.png" --pairs

        harness score samples.zip --reference real.npz --resize 256:lanczos

        harness score samples/ --reference real/ --profile clean-fid

        harness score samples/ --captions prompts.csv --metrics clip_score

        harness score package.module:generate --reference cifar10:test -n 10000

        harness score shard1/ --save-statistics shard1.safetensors

        harness score shard1.safetensors shard2.safetensors --reference real/
    """
    from harness.cli.score_images import score_images
    from harness.cli.score_models import with_drawn_samples
    from harness.cli.score_statistics import score_statistics
    from harness.scoring.comparing import compares_statistics

    numerics = request.numerics()
    request.check_files()
    request = with_drawn_samples(request, numerics)
    places = (*request.samples, request.sets.reference or "")
    if compares_statistics(places, request.metrics.names()):
        score_statistics(request, numerics)
    else:
        score_images(request, numerics)

"""The folders in which results are kept and reports are published where none is named."""

from __future__ import annotations

from pathlib import Path

OUTPUT = Path("runs")
"""Results of runs: checkpoints, the tracking store, reports. Git ignores it."""
PUBLISHED = Path("reports")
"""Reports that are published; earlier versions kept all results here."""
DATABASE = "mlflow.db"


def default_output(root: Path = Path()) -> Path:
    """`runs` below `root`; `reports`, if earlier versions kept a tracking store there and there is
    none in `runs`.
    """
    output, earlier = root / OUTPUT, root / PUBLISHED
    is_earlier = (earlier / DATABASE).is_file() and not (output / DATABASE).exists()
    return earlier if is_earlier else output


def ensure_output(folder: Path) -> None:
    """Make the output folder where there is none, with a `.gitignore` by which git ignores all that
    is in it.
    """
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")

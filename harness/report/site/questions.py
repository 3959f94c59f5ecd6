"""The questions at the top of a site, each with the claims that answer it.

A folder of reports may have them in a file `questions.yaml`:

questions:
  - ask: Does diffusion beat GANs on diversity?
    claims: [diff-diversity-modes]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from harness.config.claim import Claim
from harness.config.claim_parts import Names
from harness.config.file_model import FileModel
from harness.config.validate import validate_document
from harness.config.yaml_files import load_yaml
from harness.core.counting import counted
from harness.core.errors import suggest
from harness.report.ledger import Ledger, RecordedVerdict
from harness.report.site.recorded import claim_outcome

FILE = "questions.yaml"


class SiteQuestion(FileModel):
    """A question, and the ids of the claims whose verdicts answer it."""

    ask: str = Field(min_length=1)
    claims: Names


class QuestionFile(FileModel):
    """The content of `questions.yaml`."""

    questions: tuple[SiteQuestion, ...]


@dataclass(frozen=True)
class AnswerPart:
    """A claim of a question, and the verdicts on it."""

    claim: Claim
    verdicts: Sequence[RecordedVerdict]

    @property
    def outcome(self) -> str:
        """What they say together."""
        return claim_outcome(self.verdicts)


@dataclass(frozen=True)
class Answer:
    """What the verdicts on a question's claims say together."""

    question: str
    parts: tuple[AnswerPart, ...]

    @property
    def word(self) -> str:
        """Yes where every claim is supported, no where every decided one is refuted and none is
        open; partly where some are supported; open otherwise.
        """
        outcomes = {part.outcome for part in self.parts}
        if outcomes == {"supported"}:
            return "Yes"
        if outcomes == {"refuted"}:
            return "No"
        return "In part" if "supported" in outcomes else "Open"

    @property
    def sentence(self) -> str:
        """How many claims came to which verdict: "of 3 claims 2 supported, 1 not run"."""
        counts = dict.fromkeys((part.outcome for part in self.parts), 0)
        for part in self.parts:
            counts[part.outcome] += 1
        whole = counted(len(self.parts), "claim")
        return f"of {whole} " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())


def answers(reports: Path, ledger: Ledger) -> list[Answer]:
    """The answers to the questions of a folder of reports; none where it has no such file. Raises
    SpecError with file and line for a claim that there is not.
    """
    file = reports / FILE
    if not file.is_file():
        return []
    document = load_yaml(file)
    asked = validate_document(QuestionFile, document)
    claims = {claim.id: claim for shelf in ledger.shelves for claim in shelf.claims}
    for i, question in enumerate(asked.questions):
        for j, name in enumerate(question.claims):
            if name not in claims:
                near = suggest(name, list(claims))
                raise document.error(f"no claim {name!r}{near}", ("questions", i, "claims", j))
    return [
        Answer(
            question.ask,
            tuple(AnswerPart(claims[name], ledger.on(claims[name])) for name in question.claims),
        )
        for question in asked.questions
    ]

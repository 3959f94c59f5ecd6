"""An export: what is in it, that other programs can read it, and that no text breaks LaTeX."""

import dataclasses
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from hypothesis import given
from hypothesis import strategies as st
from synthetic_results import synthetic

from harness.config.recipe import list_recipes, load_recipe
from harness.core.errors import BadInput
from harness.metrics import METRICS
from harness.report import Results
from harness.report.badge import COLOURS, LABEL, NUMBER, claim_badge, number_badge
from harness.report.boards.latex import escape
from harness.report.derivation import derive_results
from harness.report.export import contents
from harness.report.export.bibliography import bibtex, read_citations
from harness.report.export.file_names import file_slug, slugs
from harness.report.export.macros import macro_name, number_macros, seed_macros
from harness.report.export.rerun import environment_files, rerun_script, suite_files

COMMAND = re.compile(r"\\newcommand\{\\([A-Za-z]+)\}\{(.*)\}% (.*)")
TOKEN = re.compile(r"\\(?:[A-Za-z]+|[^A-Za-z])|[{}]|[^\\{}%#&_^~$]|\$[^$]*\$|~")
AWKWARD = st.text(
    st.sampled_from("_%&#~^\\{}$<>|\"[]-'` \n\t\0ab1éßΩ中🙂→−\u202f\u2028"), max_size=20
)


@pytest.fixture(scope="module")
def results() -> Results:
    made = synthetic(diverged=True)
    card = dataclasses.replace(
        made.datasets[0].card, citation="Alpaydin & Kaynak 1998, doi:10.1/x_y"
    )
    datasets = [dataclasses.replace(made.datasets[0], card=card), *made.datasets[1:]]
    return derive_results(
        dataclasses.replace(
            made,
            datasets=datasets,
            overrides={"budget_scale": "0.5", "models": "vae/vae,gan/dcgan"},
            generated_at="2026-03-01 12:00 UTC",
        )
    )


@pytest.fixture(scope="module")
def files(results: Results) -> dict[str, bytes]:
    return contents.export_files(results, is_plain=True)


def is_plain_tex(body: str) -> bool:
    """Whether TeX reads the text to its end: no special character is bare, and braces match."""
    depth, place = 0, 0
    while place < len(body):
        match = TOKEN.match(body, place)
        if match is None:
            return False
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth < 0:
            return False
        place = match.end()
    return depth == 0


def macros(text: str) -> dict[str, str]:
    """The macros of a file, each with its body; fails where a line is anything else."""
    entries = {}
    for line in text.splitlines()[1:]:
        match = COMMAND.fullmatch(line)
        assert match, line
        assert match[1] not in entries, "TeX refuses a name that is defined twice"
        entries[match[1]] = match[2]
    return entries


def test_an_export_has_every_part(files: dict[str, bytes]):
    assert {
        "export.json", "README.md", "rerun.sh", "SHA256SUMS", "suite/quickstart.yaml",
        "recipes/vae-vae.yaml", "environment/environment.json", "environment/requirements.txt",
        "report/results.csv", "report/leaderboard.csv", "report/report.json", "report/curves.csv",
        "report/verdicts.json", "report/index.html", "tex/numbers.tex", "tex/seeds.tex",
        "tex/tables.tex", "tex/references.bib", "hugging_face/vae-vae/README.md",
        "hugging_face/vae-vae/.eval_results/quickstart.yaml",
    } <= set(files)  # fmt: skip
    assert not [name for name in files if "croissant" in name or "ro-crate" in name]
    figures = {name for name in files if name.startswith("figures/")}
    assert {Path(name).suffix for name in figures} == {".svg", ".pdf"}
    assert len({Path(name).stem for name in figures}) == len(figures) / 2 > 3


def test_the_same_results_give_the_same_bytes(results: Results, files: dict[str, bytes]):
    assert contents.export_files(results, is_plain=True) == files


def test_figures_can_be_read(files: dict[str, bytes]):
    for name, content in files.items():
        if name.endswith(".svg"):
            assert ET.fromstring(content.decode()).tag == "{http://www.w3.org/2000/svg}svg"
        elif name.endswith(".pdf"):
            assert content.startswith(b"%PDF-")
            assert content.rstrip().endswith(b"%%EOF")


def test_sha256sum_reads_the_checksums(files: dict[str, bytes], tmp_path: Path):
    odd = files | {"suite/a\\b\nc.yaml": b"odd"}
    odd["SHA256SUMS"] = contents.checksums(
        {k: v for k, v in odd.items() if k != "SHA256SUMS"}
    ).encode()
    for name, content in odd.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    check = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    listed = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert len(listed) == len(odd) - 1
    (tmp_path / "report/results.csv").write_text("changed")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_macros_have_the_numbers_of_the_boards(results: Results):
    defined = macros(number_macros(results))
    board = next(board for board in results.boards if board.metric == "fid")
    row = board.row("vae/vae")
    assert row is not None
    assert row.mean is not None
    assert float(defined["quickstartDigitsFidVaeVae"]) == pytest.approx(row.mean, rel=0.05)
    assert defined["quickstartClaimDiversity"] == results.verdicts[0].outcome
    assert all(is_plain_tex(body) for body in defined.values())


def test_every_value_of_a_seed_is_a_macro(results: Results):
    defined = macros(seed_macros(results))
    measured = results.table[results.table["status"] == "ok"]
    assert len(defined) == len(measured)
    indexed = measured.set_index(["dataset", "metric", "model", "seed"]).value
    value = indexed["digits", "mse", "vae/vae", 2]
    assert float(defined["quickstartDigitsMseVaeVaeSeedTwo"]) == pytest.approx(value, rel=1e-3)


def test_names_of_macros_that_would_be_alike_get_a_letter(results: Results):
    cells = [dataclasses.replace(cell, dataset=cell.dataset.replace("[unseen=8]", "(unseen-8)"))
             for cell in results.cells] + list(results.cells)  # fmt: skip
    names = {cell.dataset for cell in cells}
    infos = [dataclasses.replace(results.datasets[0], name=name) for name in sorted(names)]
    both = derive_results(dataclasses.replace(results, cells=cells, datasets=infos))
    defined = macros(number_macros(both))
    plain = "quickstartDigitsUnseenEightMseVaeVae"
    assert {plain, plain + "A"} <= set(defined)


@given(AWKWARD, AWKWARD)
def test_a_macros_name_has_letters_only(one: str, other: str):
    assert re.fullmatch(r"[A-Za-z]+", macro_name(one, other, 10))


@given(AWKWARD)
def test_no_text_breaks_latex(text: str):
    assert is_plain_tex(escape(text))


@pytest.mark.filterwarnings("ignore:Glyph")
def test_awkward_names_reach_no_tex_file_unescaped(results: Results):
    name = "a_b%c&d#e~f^g\\h{i}$j\n\0é"
    models = [dataclasses.replace(model, name=model.name.replace("vae/vae", name))
              for model in results.models]  # fmt: skip
    cells = [dataclasses.replace(cell, model=cell.model.replace("vae/vae", name))
             for cell in results.cells]  # fmt: skip
    pictures = [
        dataclasses.replace(p, model=p.model.replace("vae/vae", name)) for p in results.pictures
    ]
    curves = results.curves.replace({"model": {"vae/vae": name}})
    odd = derive_results(
        dataclasses.replace(results, curves=curves, models=models, cells=cells, claims=[],
                            pictures=pictures, suite_name="s_%", title=name)
    )  # fmt: skip
    written = contents.export_files(odd, is_plain=True)
    assert all(is_plain_tex(body) for body in macros(number_macros(odd)).values())
    shown = r"a\_b\%c\&d\#e\textasciitilde{}f\textasciicircum{}g\textbackslash{}h\{i\}\$j"
    assert shown in written["tex/tables.tex"].decode()
    ET.fromstring(next(v for k, v in written.items() if k.endswith(".svg")).decode())
    for place in written:
        assert not place.startswith("/")
        assert ".." not in place.split("/")


DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}\usepackage{booktabs}
\input{tex/numbers}\input{tex/seeds}
\begin{document}\nocite{*}
\quickstartDigitsFidVaeVae\ \quickstartClaimDiversitySentence
\input{tex/tables}
\bibliographystyle{plain}\bibliography{tex/references}
\end{document}
"""


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs LaTeX")
def test_latex_compiles_it(files: dict[str, bytes], tmp_path: Path):
    for name in ("numbers.tex", "seeds.tex", "tables.tex", "references.bib"):
        (tmp_path / "tex").mkdir(exist_ok=True)
        (tmp_path / "tex" / name).write_bytes(files[f"tex/{name}"])
    (tmp_path / "paper.tex").write_text(DOCUMENT)
    for command in (["pdflatex", "-halt-on-error", "paper"], ["bibtex", "paper"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("text", "authors", "others", "name"),
    [
        ("Ho et al. 2020, arXiv:2006.11239 (figure 3)", ("Ho",), True, "arXiv:2006.11239"),
        ("van den Oord et al. 2017, arXiv:1711.00937", ("van den Oord",), True, "arXiv:1711.00937"),
        ("Baldi & Hornik 1989, doi:10.1016/0893-6080(89)90014-2", ("Baldi", "Hornik"), False,
         "doi:10.1016/0893-6080(89)90014-2"),
        ("photographs of scikit-image: van der Walt et al. 2014, doi:10.7717/peerj.453",
         ("van der Walt",), True, "doi:10.7717/peerj.453"),
        ("Huang, Mattar, Lee & Learned-Miller 2012, Learning to Align from Scratch",
         ("Huang", "Mattar", "Lee", "Learned-Miller"), False, "Huang 2012"),
        ("after Matthey et al. 2017, dSprites", ("Matthey",), True, "Matthey 2017"),
    ],
)  # fmt: skip
def test_citations_are_read(text: str, authors: tuple[str, ...], others: bool, name: str):
    [citation] = read_citations(text)
    assert (citation.authors, citation.others, citation.name) == (authors, others, name)


@pytest.mark.parametrize("text", ["none", "", "this package"])
def test_what_cites_nothing_is_passed_over(text: str):
    assert read_citations(text) == []


def test_every_paper_of_a_recipe_or_metric_is_read():
    papers = {load_recipe(name).paper for name in list_recipes()}
    papers |= {metric.paper for metric in METRICS.values()}
    for paper in papers - {"", "ITU-T T.81 (1992)"}:
        assert len(read_citations(paper)) == paper.count(";") + 1, paper


def test_the_bibliography_has_each_work_once_with_what_cites_it(results: Results):
    text = bibtex(results)
    keys = re.findall(r"^@misc\{([a-z]+[0-9]{4}[a-z0-9]*),$", text, re.M)
    assert len(keys) == len(set(keys)) == text.count("@misc")
    assert "dhariwal2021diffusion" in keys
    assert "title = {{Diffusion models beat GANs on image synthesis}}" in text
    assert "Cited by claim diversity" in text
    assert r"doi = {10.1/x\_y}" in text
    assert text.count("{") == text.count("}")


EEE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata",
                 "model_info", "eval_library", "evaluation_results"],
    "properties": {
        **{name: {"type": "string"} for name in
           ("schema_version", "evaluation_id", "evaluation_timestamp", "retrieved_timestamp")},
        "source_metadata": {
            "required": ["source_type", "source_organization_name", "evaluator_relationship"],
            "properties": {
                "source_type": {"enum": ["documentation", "evaluation_run"]},
                "evaluator_relationship": {
                    "enum": ["first_party", "third_party", "collaborative", "other"]
                },
                "additional_details": {"additionalProperties": {"type": "string"}},
            },
        },
        "eval_library": {
            "required": ["name", "version"],
            "properties": {"additional_details": {"additionalProperties": {"type": "string"}}},
        },
        "model_info": {
            "required": ["name", "id", "additional_details"],
            "properties": {"additional_details": {
                "required": ["deployment_type", "model_availability"],
                "additionalProperties": {"type": "string"},
            }},
        },
        "evaluation_results": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["evaluation_name", "source_data", "metric_config", "score_details"],
                "properties": {
                    "source_data": {
                        "required": ["dataset_name", "source_type"],
                        "properties": {
                            "source_type": {"const": "other"},
                            "additional_details": {"additionalProperties": {"type": "string"}},
                        },
                    },
                    "metric_config": {
                        "required": ["lower_is_better", "score_type", "min_score", "max_score"],
                        "properties": {
                            "lower_is_better": {"type": "boolean"},
                            "score_type": {"const": "continuous"},
                            "min_score": {"anyOf": [{"type": "number"}, {"const": "-Infinity"}]},
                            "max_score": {"anyOf": [{"type": "number"}, {"const": "Infinity"}]},
                            "additional_details": {"additionalProperties": {"type": "string"}},
                        },
                    },
                    "score_details": {
                        "required": ["score"],
                        "properties": {
                            "score": {"type": "number"},
                            "details": {"additionalProperties": {"type": "string"}},
                            "uncertainty": {"properties": {
                                "confidence_interval": {"required": ["lower", "upper"]},
                                "num_samples": {"type": "integer"},
                            }},
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip
"""What version 0.3.0 of eval.schema.json requires of a document without item-level results."""


def test_every_eval_ever_has_what_its_schema_requires(files: dict[str, bytes], results: Results):
    documents = {k: json.loads(v) for k, v in files.items() if k.startswith("every_eval_ever/")}
    assert len(documents) == 4
    uuid4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    pattern = rf"every_eval_ever/data/quickstart/harness/[a-z0-9-]+/{uuid4}\.json"
    for place, document in documents.items():
        assert re.fullmatch(pattern, place)
        jsonschema.validate(document, EEE)
    [vae] = [d for d in documents.values() if d["model_info"]["name"] == "vae/vae"]
    [fid] = [r for r in vae["evaluation_results"] if r["evaluation_name"] == "fid on digits"]
    row = next(b for b in results.boards if (b.metric, b.dataset) == ("fid", "digits")).row(
        "vae/vae"
    )
    assert row is not None
    assert fid["score_details"]["score"] == row.mean
    interval = fid["score_details"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"]) == (row.low, row.high)
    assert set(fid["score_details"]["details"]) == {"seed 0", "seed 1", "seed 2", "mean", "rank"}
    assert fid["metric_config"]["lower_is_better"] is True


def test_hugging_faces_library_reads_its_files(files: dict[str, bytes]):
    card = ModelCard(files["hugging_face/vae-vae/README.md"].decode())
    name, entries = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert name == "vae/vae"
    assert {"fid", "mse"} <= {entry.metric_type for entry in entries}
    written = yaml.safe_load(files["hugging_face/vae-vae/.eval_results/quickstart.yaml"])
    values = {(e["dataset"]["id"], e["dataset"]["task_id"]): e["value"] for e in written}
    by_card = {(e.dataset_name, e.metric_type): e.metric_value for e in entries}
    assert values == by_card
    assert all(set(e) == {"dataset", "value", "date", "notes"} for e in written)


def test_the_script_repeats_what_the_command_changed(results: Results):
    script = rerun_script(results)
    line = "exec $harness run suite/quickstart.yaml --budget-scale 0.5 --models vae/vae,gan/dcgan"
    assert f"{line} --output rerun" in script
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0


def test_a_recipe_file_of_a_report_is_put_where_its_suite_names_it(results: Results):
    models = [
        dataclasses.replace(results.models[0], name=name)
        for name in ("mine/small.yaml", "../above.yaml", "/etc/x.yaml")
    ]
    files = suite_files(dataclasses.replace(results, models=models), None)
    assert files["suite/mine/small.yaml"] == models[0].recipe
    assert not [place for place in files if ".." in place or place.startswith("suite//")]
    assert len(files) == 1 + len(models) + 1


def test_requirements_have_no_local_versions_and_no_harness(results: Results):
    facts = {"harness": "0.1.0", "python": "3.12.1", "torch": "2.11.0+cu128", "device": "a GPU"}
    files = environment_files(dataclasses.replace(results, environment=facts))
    lines = files["environment/requirements.txt"].splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["torch==2.11.0"]
    assert json.loads(files["environment/environment.json"]) == facts


def test_a_report_that_others_wrote_leads_to_no_other_place_and_gives_pip_no_option(
    results: Results,
):
    facts = {"torch": "2.11.0\n--index-url x", "--index-url": "2", "numpy": "2.0", "a": "@ file:b"}
    odd = dataclasses.replace(results, suite_name="../../x", environment=facts)
    places = [*suite_files(odd, None), *environment_files(odd)]
    assert "suite/x.yaml" in places
    assert not [place for place in places if ".." in place]
    lines = environment_files(odd)["environment/requirements.txt"].splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["numpy==2.0"]


def test_a_model_does_not_take_the_place_of_the_suite(results: Results):
    model = dataclasses.replace(results.models[0], name="quickstart.yaml")
    files = suite_files(dataclasses.replace(results, models=[model]), None)
    assert files["suite/quickstart.yaml"] == results.suite_yaml


def test_nothing_finished_is_refused(results: Results):
    cells = [dataclasses.replace(cell, status="missing", measurements=()) for cell in results.cells]
    with pytest.raises(BadInput, match="no cell is finished"):
        contents.export_files(dataclasses.replace(results, cells=cells), is_plain=True)


def test_slugs_are_told_apart():
    assert file_slug("Fréchet [x=1]") == "frechet-x-1"
    assert slugs(["a/b", "a-b", "A b", "a/b"]) == {"a/b": "a-b", "a-b": "a-b-2", "A b": "a-b-3"}
    assert file_slug("…") == "x"


def test_without_the_extra_it_says_what_to_install(results: Results, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rocrate", None)
    with pytest.raises(BadInput, match=r"pip install 'harness\[export\]'.*--plain"):
        contents.export_files(results)


def test_the_libraries_read_what_they_describe(results: Results, tmp_path: Path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs harness[export]")
    crates = pytest.importorskip("rocrate.rocrate", reason="needs harness[export]")
    files = contents.export_files(results)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    crate = crates.ROCrate(tmp_path)
    listed = {entity.id for entity in crate.data_entities}
    assert listed == set(files) - {"ro-crate-metadata.json"}
    assert crate.name == results.title
    [action] = [e for e in crate.contextual_entities if e.type == "CreateAction"]
    assert action["result"][0].id == "report/results.csv"
    for place in ("croissant.json", "croissant/digits.json", "croissant/digits-unseen-8.json"):
        dataset = mlcroissant.Dataset(jsonld=tmp_path / place)
        assert not dataset.metadata.ctx.issues.errors
        assert not dataset.metadata.ctx.issues.warnings
    table = mlcroissant.Dataset(jsonld=tmp_path / "croissant.json")
    records = list(table.records("results"))
    assert len(records) == len(results.table)
    assert records[0]["results/seed"] == results.table.seed.iloc[0]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [*COLOURS.values(), LABEL, NUMBER])
def test_text_on_a_badge_has_contrast(colour: str):
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_a_badge_has_a_verdict_or_a_number(results: Results):
    svg = claim_badge(results, "diversity")
    tree = ET.fromstring(svg)
    title = tree.find("{http://www.w3.org/2000/svg}title")
    outcome = results.verdicts[0].outcome
    assert title is not None
    assert title.text == f"{outcome}: {results.verdicts[0].claim.statement}"
    assert tree.get("role") == "img"
    assert tree.get("aria-label") == title.text
    assert outcome in [t.text for t in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert not re.search(r"href|url\(|<script|@import", svg)
    number = number_badge(results, "fid", "vae/vae", "digits")
    texts = [t.text for t in ET.fromstring(number).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Fréchet distance of vae/vae on digits"
    assert re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\]", texts[1] or "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fad", "vae/vae", "digits"), "no metric called 'fad'; did you mean 'fid'"),
        (
            ("fid", None, "digits"),
            "name a model with fid; quickstart has diffusion/ddpm, gan/dcgan, vae/vae",
        ),
        (("fid", "vae/vae", None), "name a dataset with fid of vae/vae; quickstart has digits, "),
        (("fid", "autoencoder/conv", "digits"), "no model with fid called 'autoencoder/conv'"),
    ],
)
def test_a_badge_of_what_is_not_there_names_what_is(results: Results, arguments, message: str):
    with pytest.raises(BadInput) as error:
        number_badge(results, *arguments)
    assert message in str(error.value)

import torch

from harness.core.errors import SpecError, error_text, suggest


def test_the_nearest_word_is_offered():
    assert suggest("gan/dcgn", ["gan/dcgan", "vae/vae"]) == "; did you mean 'gan/dcgan'?"


def test_without_a_near_word_all_are_named():
    assert suggest("zzz", ["b", "a"]) == "; known: a, b"
    assert suggest("zzz", []) == ""
    assert suggest("zzz", ["a", "a"]) == "; known: a"


def test_of_many_words_the_first_are_named_and_where_the_others_stand():
    names = [f"model-{number:02}" for number in range(41)]
    text = "; known: model-00, model-01, model-02, … (41 in all, see `harness list`)"
    assert suggest("zzz", names) == text
    assert suggest("zzz", names[1:]).endswith("model-40")


def test_a_spec_error_begins_with_file_and_line():
    assert str(SpecError("unknown key 'x'", "suite.yaml", 3)) == "suite.yaml:3: unknown key 'x'"


def test_an_exception_says_what_it_says_in_one_line():
    assert error_text(ValueError("no\n  such ")) == "no such"
    assert error_text(ValueError()) == "ValueError"


def test_of_a_traceback_in_an_exception_the_last_line_counts():
    """TorchScript puts its own, of the machine where it was traced, before what is wrong."""
    layer = torch.jit.trace(torch.nn.Linear(3, 1), torch.zeros(2, 3))
    try:
        layer(torch.zeros(2, 4))
    except RuntimeError as error:
        text = error_text(error)
    assert text.startswith("mat1 and mat2 shapes cannot be multiplied")
    assert "Traceback" not in text

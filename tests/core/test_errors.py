from harness.core.errors import SpecError, suggest


def test_the_nearest_word_is_offered():
    assert suggest("gan/dcgn", ["gan/dcgan", "vae/vae"]) == "; did you mean 'gan/dcgan'?"


def test_without_a_near_word_all_are_named():
    assert suggest("zzz", ["b", "a"]) == "; known: a, b"
    assert suggest("zzz", []) == ""


def test_a_spec_error_begins_with_file_and_line():
    assert str(SpecError("unknown key 'x'", "suite.yaml", 3)) == "suite.yaml:3: unknown key 'x'"

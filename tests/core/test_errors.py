from harness.core.errors import SpecError, suggest


def test_the_nearest_word_is_offered():
    assert suggest("gan/dcgn", ["gan/dcgan", "vae/vae"]) == "; did you mean 'gan/dcgan'?"


def test_without_a_near_word_all_are_named():
    assert suggest("zzz", ["b", "a"]) == "; known: a, b"
    assert suggest("zzz", []) == ""


def test_of_many_words_the_first_are_named_and_where_the_others_stand():
    names = [f"model-{number:02}" for number in range(41)]
    text = "; known: model-00, model-01, model-02, … (41 in all, see `harness list`)"
    assert suggest("zzz", names) == text
    assert suggest("zzz", names[1:]).endswith("model-40")


def test_a_spec_error_begins_with_file_and_line():
    assert str(SpecError("unknown key 'x'", "suite.yaml", 3)) == "suite.yaml:3: unknown key 'x'"

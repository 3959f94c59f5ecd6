from harness.config.shipped import shipped, shipped_files


def test_files_are_found_beside_a_checkout(zoo):
    root = zoo({"models/gan/dcgan": "", "models/vae/vae": "", "suites/quick": ""})
    assert shipped_files("models") == {
        "gan/dcgan": root / "models/gan/dcgan.yaml",
        "vae/vae": root / "models/vae/vae.yaml",
    }
    assert list(shipped_files("suites")) == ["quick"]


def test_an_installed_wheel_has_its_own(zoo):
    root = zoo({"models/gan/dcgan": "", "harness/shipped/models/vae/vae": ""})
    assert shipped("models") == root / "harness/shipped/models"
    assert list(shipped_files("models")) == ["vae/vae"]

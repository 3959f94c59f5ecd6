"""Small datasets made of the photographs that come inside scikit-image."""

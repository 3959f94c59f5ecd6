"""The sets of images that the literature reports on, prepared from their official files."""

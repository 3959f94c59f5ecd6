"""A gate for two models that are trained already: both draw from the same noise, and are compared
image by image and as sets.
"""

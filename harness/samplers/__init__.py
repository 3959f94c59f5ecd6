"""Ways from noise to image. A sampler is a pure function of a denoiser, the noise to start from,
the levels to visit, its settings, and the generator of the noise that it adds.
"""

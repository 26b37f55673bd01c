"""The foundations laboratory: densities, divergences, samplers and games, with figures.

Each file is one experiment: pure functions on arrays that a lecturer can import, and one function
under ``@lab`` that puts them together, compares them with closed forms and knows how to draw.
"""

"""Figures of what a latent space holds: ways through it, sums in it, styles, attention."""

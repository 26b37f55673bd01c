"""Figures of latent spaces: functions from a model to rows of examples."""

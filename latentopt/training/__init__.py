"""Texts -> a trained model."""

"""Gradient-boosted trees: parameters, training and prediction with LightGBM."""

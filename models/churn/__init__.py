"""Churn models: p_churn for every customer, with the protocol and the calibration they share."""

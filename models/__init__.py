"""The mathematics: buy-till-you-die models, LightGBM churn, baselines; saved and loaded as data."""

"""MLflow: runs, the model registry, and promotion of a champion."""

"""A BentoML service that does nothing, written as in BentoML's own guide: the reference for the scoring service."""

import os

import bentoml


@bentoml.service(name="noop", workers=int(os.environ.get("HOLDFAST_WORKERS", "1")))
class Noop:
    """Return the request."""

    @bentoml.api
    def score(self, customer_ids: list[str]) -> list[str]:
        """Return the ids unchanged."""
        return customer_ids

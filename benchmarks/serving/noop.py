"""A BentoML service that does nothing, as BentoML's own guide writes one: what the scoring service is held against."""

import os

import bentoml


@bentoml.service(name="noop", workers=int(os.environ.get("HOLDFAST_WORKERS", "1")))
class Noop:
    """Answers with what it was sent."""

    @bentoml.api
    def score(self, customer_ids: list[str]) -> list[str]:
        """Do nothing."""
        return customer_ids

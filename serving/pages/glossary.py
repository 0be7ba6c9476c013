"""The page of terms: one definition of each."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.http.declared_parameters import DeclaredRoute
from serving.http.paths import UI
from serving.pages.render import page
from serving.pages.session import SIGNED_IN
from serving.schemas.glossary import sorted_terms

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])


@ROUTES.get(f"{UI}/glossary")
def glossary(request: Request) -> Response:
    """Show the terms in alphabetical order."""
    return page(request, "glossary", terms=sorted_terms())

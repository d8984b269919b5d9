"""An office on an empty folder for each test, as the services' tests have it."""

from tests.services.conftest import parts, small

__all__ = ["parts", "small"]

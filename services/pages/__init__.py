"""Pages: what people open in a browser or print. Self-contained; nothing is fetched."""

from services.pages.page import preview_page

__all__ = ["preview_page"]

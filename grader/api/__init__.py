"""The HTTP service: JSON for programs, pages for browsers. Only this package uses FastAPI."""

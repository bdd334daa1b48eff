"""The HTTP door: JSON for programs, pages for browsers. FastAPI is used here and nowhere else."""

"""Offline marking: export answers as CSV or as a page, mark them, and import the points.

The answers come from the service's database (`database`) or from a folder of reports (`reports`).
"""

"""Offline marking: export answers as a CSV file ("sheet") or as an HTML page, mark them, and import the marks.

The answers come from the service's database (module `database`) or from a folder of reports (module `reports`).
"""

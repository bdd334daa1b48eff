"""Offline marking: export answers as a CSV file (a "sheet"), fill it in with a spreadsheet, and import the marks.

The answers come from the service's database (`database`) or from a folder of reports (`reports`).
"""

"""Marking away from the service: answers are exported as CSV or as an offline page, and points are imported. They are
answers of the service's database (`database`) or of a folder of reports (`reports`)."""

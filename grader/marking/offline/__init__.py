"""Marking away from the service: answers go out as CSV, or as a page that works offline, and points come back in. They
come from the service's database (`database`) or from a folder of reports (`reports`)."""

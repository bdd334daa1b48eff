"""Reading without the service: answers go out as CSV and as a page that works offline, and points come back in. They
come from the service's database (`service`) or from a folder of reports (`folder`)."""

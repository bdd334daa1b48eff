"""Tools for authors of assignments: create, record, certify, calibrate and pack them."""

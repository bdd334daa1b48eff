"""What lateness costs. A policy is data in the offering, and its arithmetic is exact."""

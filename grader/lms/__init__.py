"""Learning platforms: LTI 1.3 from the tool's side, without the service's pages."""

"""Writing an assignment: its folder from a solution, and recorded example calls."""

"""The magic `%grader` for Jupyter notebooks. It runs the command `grader` in a separate process and shows the output.
The report in a cell is only a preview, because code in the notebook could forge it."""

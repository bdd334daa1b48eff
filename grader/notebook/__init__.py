"""The magic `%grader` for Jupyter notebooks. It runs the command line in a separate process, so nothing is graded in
the kernel. The report in a cell is only a preview, because code in the kernel could forge it."""

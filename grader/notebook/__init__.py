"""The magic `%grader` for Jupyter notebooks. It runs the command line in a separate process: nothing is graded in the
kernel, and what a cell shows is a preview, which code in the kernel could forge."""

# Tries: magics and shell lines that write, run and fetch.
# earns at most: 34, a right solution lies beside it
# leaves: /tmp/@MARK@
# leaves: /tmp/@MARK@.py
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    evil = "%%writefile /tmp/@.py\nx = 1", "!touch /tmp/@", "%%bash\ntouch /tmp/@", "%run /tmp/@.py", "%load_ext @", "get_ipython().system('touch /tmp/@')"
    whole["cells"] = [dict(cell, source=text.replace("@", mark)) for text in evil] + [cell]
    path.write_text(json.dumps(whole))
    return path

# Tries: cells, sources and outputs of types that no notebook has.
# earns at most: 0
# refused: cannot be read|not a notebook
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    whole["cells"] = [1, None, [], {"cell_type": {"a": 1}, "source": {"b": [None]}}, {"source": [1, 2, None]}]
    path.write_text(json.dumps(whole))
    return path

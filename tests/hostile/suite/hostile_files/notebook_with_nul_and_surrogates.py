# Tries: NUL characters and lone surrogates in sources, ids and outputs.
# earns at most: 34, a right solution lies beside it
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    cell["id"] = "\x00\ud800"
    whole["cells"] += [cell | {"source": "x = '\x00\ud800'"}, {"cell_type": "markdown", "metadata": {}, "source": "Q1.1 solution \ud83d\x00"}]
    path.write_text(json.dumps(whole))
    return path

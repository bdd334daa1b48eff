# Tries: JSON ten thousand levels deep.
# earns at most: 0
# refused: not a notebook|cannot be read
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(whole).replace('"metadata": {}', '"metadata": {"a": ' + "[" * 10_000 + "]" * 10_000 + "}"))
    return path

# Tries: a notebook as UTF-16 with a mark of byte order.
# earns at most: 0
# refused: not a notebook
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    path.write_bytes(json.dumps(whole).encode("utf-16"))
    return path

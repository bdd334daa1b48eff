# Tries: a line of megabytes, which is where the error is.
# earns at most: 0


def make(folder, perfect, mark):
    path = folder / "mlp.py"
    path.write_text("class TwoLayerMLP:\n    x = '" + "\u202e" * 1_000_000 + "' + 1\n")
    return path

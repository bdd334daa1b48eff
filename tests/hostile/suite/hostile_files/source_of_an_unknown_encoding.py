# Tries: a source that names an encoding that is not there.
# earns at most: 0
# fails: SyntaxError|encoding


def make(folder, perfect, mark):
    path = folder / "mlp.py"
    path.write_bytes(f"# coding: {mark}\n{perfect}".encode())
    return path

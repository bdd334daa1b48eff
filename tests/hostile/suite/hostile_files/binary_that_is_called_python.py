# Tries: a program that is called mlp.py.
# earns at most: 0
# refused: binary


def make(folder, perfect, mark):
    path = folder / "mlp.py"
    path.write_bytes(b"\x7fELF" + bytes(1000))
    return path

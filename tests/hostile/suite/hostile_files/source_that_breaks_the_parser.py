# Tries: an expression nested so deeply that parsers overflow.
# earns at most: 0
# fails: SyntaxError|MemoryError|RecursionError|process ended


def make(folder, perfect, mark):
    path = folder / "mlp.py"
    path.write_text(perfect + "\nx = " + "(" * 50_000 + ")" * 50_000 + "\n" + "-" * 100_000 + "1")
    return path

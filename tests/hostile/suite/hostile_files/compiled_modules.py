# Tries: shared objects, bytecode and archives that pass for modules, beside a solution that needs them.
# earns at most: 0
# fails: ModuleNotFoundError|No module


def make(folder, perfect, mark):
    (folder / "__pycache__").mkdir()
    for name in ("fast.so", "fast.cpython-313-x86_64-linux-gnu.so", "fast.pyc", "__pycache__/fast.cpython-311.pyc", "fast.pth"):
        (folder / name).write_bytes(b"\x7fELF" + bytes(1000))
    (folder / "mlp.py").write_text("import fast\n" + perfect.replace("class TwoLayerMLP:", "class TwoLayerMLP(fast.Net):"))
    return folder

# Tries: packages whose __init__ runs at import, __main__, setup and a relative mlp.
# earns at most: 34, a right solution lies beside it


def make(folder, perfect, mark):
    (folder / "mlp.py").write_text(perfect)
    for name in ("__init__.py", "__main__.py", "setup.py", "usercustomize.py", "test_mlp.py"):
        (folder / name).write_text("import os\nclass TwoLayerMLP:\n    pass\nos._exit(0)\n")
    return folder

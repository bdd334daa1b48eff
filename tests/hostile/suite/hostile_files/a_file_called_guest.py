# Tries: a guest.py beside mlp.py, which whoever imports guest later would get.
# earns at most: 34, a right solution lies beside it


def make(folder, perfect, mark):
    (folder / "mlp.py").write_text(perfect)
    (folder / "guest.py").write_text("import sys, builtins\nbuiltins.owned = sys.argv\ndef __getattr__(name):\n    return 1\n")
    (folder / "guest").mkdir()
    (folder / "guest" / "__init__.py").write_text("raise SystemExit(0)")
    return folder

# Tries: names with escapes, newlines, text that turns around, formulas, markup and 200 characters.
# earns at most: 34, a right solution lies beside it
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        evil = ["=HYPERLINK(1).py", "+cmd|calc.csv", "@SUM(1).txt", "\u202eyp.exe.py", "<script>alert(1)</script>.txt", "[bold].md"]
        for name in [*evil, "\x9b2J.py", "\x7f.txt", "a" * 200 + ".py", "-rf.py", "$(id).py", "`id`.txt", "{{7*7}}.json", "%s%n.csv"]:
            packed.writestr(name, "x = 1")
    return path

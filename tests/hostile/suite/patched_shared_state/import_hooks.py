# Tries: hooks that hand out modules of its own for every later import, the guest's too.
# earns at most: 34, it is a right solution beside it
# around: perfect
import builtins
import sys
import types


class _Finder:
    def find_spec(self, name, path=None, target=None):
        sys.modules["@MARK@"] = types.ModuleType("@MARK@")
        return None


sys.meta_path.insert(0, _Finder())
sys.path_hooks.insert(0, lambda path: _Finder())
sys.path.insert(0, "/tmp")
_import = builtins.__import__
builtins.__import__ = lambda name, *args, **options: _import(name, *args, **options)

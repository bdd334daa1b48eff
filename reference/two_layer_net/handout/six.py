"""What the package `six` offers to files that run under Python 2 as well: `from six.moves import xrange`."""

import pickle
import sys
from types import ModuleType

PY2, PY3 = False, True
string_types, integer_types = (str,), (int,)
__path__ = []
moves = ModuleType("six.moves")
vars(moves).update(xrange=range, range=range, zip=zip, map=map, input=input, cPickle=pickle)
sys.modules["six.moves"] = moves


def iteritems(mapping):
    return iter(mapping.items())


def itervalues(mapping):
    return iter(mapping.values())

"""What the package `future` offers to files that run under Python 2 as well: `from past.builtins import xrange`."""

import sys
from types import ModuleType

__path__ = []
builtins = ModuleType("past.builtins")
vars(builtins).update(xrange=range, basestring=str, unicode=str, long=int, raw_input=input)
sys.modules["past.builtins"] = builtins

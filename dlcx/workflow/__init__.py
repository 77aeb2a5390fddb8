"""The commands: one module with one public function each, which connects the packages below."""

import os

#: How often torch's idle threads check for new work before they sleep; libgomp reads the variable when torch is loaded,
#: which is later.  By default they check for milliseconds, on cores that video decoding or another program could use.
#: Networks are as fast with this value; without any checking, small networks take twice as long.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

"""One module a command, one public function each; the only place that wires the rooms below together.

What several of them share, or one is made of, lies in the folders: ``analysis`` of a video, its ``sharing`` among
processes, ``training``, the ``pages`` of reports, and ``videos`` for commands on what was analysed.
"""

import os

#: How often torch's idle threads look for new work before they sleep (libgomp reads it when torch is loaded, after
#: this).  By default they look for milliseconds, on cores that decoding a video, or another program, could use.  Nets
#: are as quick with it; without any looking, small ones take twice as long.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

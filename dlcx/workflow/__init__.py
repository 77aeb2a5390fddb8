"""One module a command, one public function each; the only place that wires the other rooms together."""

"""The servers of the sandbox. Each module has ``prepare(layout)``: write its files, return its processes."""

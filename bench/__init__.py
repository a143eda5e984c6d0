"""What Dragoman costs on top of what it is made of. `python -m bench.overhead` measures and prints it."""

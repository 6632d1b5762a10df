"""Tables as files: each says on top when and where it was taken from. Lines that begin with `#` are comments."""

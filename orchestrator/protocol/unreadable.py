"""How a file that crossed the wire can be refused. Both are outcomes of a job, never a crash of the program."""


class Unreadable(ValueError):
    """A file that is damaged, too long, or not what its name says. The message is short and names the cause."""


class UnsafeArchive(ValueError):
    """An archive that would escape its folder, overwrite, or grow beyond its bound."""

"""The version of this package: its major number is that of the contract, cegid.loop.v1."""

__version__ = "1.0.0"

"""Client of the Cegid Loop gateway.

>>> from loop_gateway import Client
>>> with Client("127.0.0.1:9090", plaintext=True, token="anything") as loop:
...     for account in loop.list_accounts("demo", "CEGID001"):
...         print(account.number, account.label)
"""

from loop_gateway._base import ON_THEIR_WAY, Settings
from loop_gateway._client import Client, Events
from loop_gateway._errors import Fault, LoopError, Violation
from loop_gateway._reasons import Reason
from loop_gateway._version import __version__

__all__ = [
    "ON_THEIR_WAY",
    "Client",
    "Events",
    "Fault",
    "LoopError",
    "Reason",
    "Settings",
    "Violation",
    "__version__",
]

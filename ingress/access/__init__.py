"""Who may come in, and how much of everything they may have (docs/security.md).

`caller_of(request)` says who asks; `ingress.meter` counts what their tenant uses and says where that ends. Both raise
errors that `ingress.access.answers` and `ingress.endings` tell in the words of HTTP and of WebSockets.
"""

from ingress.access.caller import CALLER, Caller, caller_of
from ingress.access.meter import Meter
from ingress.access.refusals import Forbidden, NoRoom, OverLimit, Unauthorized

__all__ = ["CALLER", "Caller", "Forbidden", "Meter", "NoRoom", "OverLimit", "Unauthorized", "caller_of"]
